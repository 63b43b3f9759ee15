"""What each script of the workflow does: one function a script."""
