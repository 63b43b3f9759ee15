"""From predictions to endpoints, contrasts and verdicts."""
