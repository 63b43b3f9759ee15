"""What a person at the keyboard can mend."""

from collections.abc import Iterable


class UserError(Exception):
    """One or several problems in what the user gave, told all at once and without a traceback.

    Each problem is one line that says which file, row or key, which value, and what would be right;
    the title, above them, says what they are about.
    """

    def __init__(self, problems: str | Iterable[str], title: str = "") -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        self.title = title
        super().__init__(str(self))

    def __str__(self) -> str:
        if not self.title:
            return "\n".join(self.problems)
        return "\n".join([self.title, *(f"  - {problem}" for problem in self.problems)])
