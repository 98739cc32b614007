"""``python -m labctl`` is the command line."""

from labctl.app import main

if __name__ == "__main__":
    main()
