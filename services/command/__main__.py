"""`python -m services.command` is `dp`."""

from services.command import main

if __name__ == "__main__":
    main.main()
