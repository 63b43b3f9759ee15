"""The built-in cohort: a phantom of portal-phase liver CT."""
