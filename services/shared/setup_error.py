"""The root of trouble that whoever runs the installation can mend; the command line tells it in one line."""


class SetupError(RuntimeError):
    """The installation, as it is set up or stands, cannot do what was asked. The text repeats no secret."""
