"""``python -m mlassay`` and the ``mlassay`` command."""

from mlassay.cli import main

if __name__ == "__main__":
    main()
