"""`python -m flicbridge`."""

from flicbridge.cli import main

if __name__ == "__main__":
    main()
