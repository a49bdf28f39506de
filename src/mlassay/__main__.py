"""``python -m mlassay`` and the ``mlassay`` command."""

import sys


def main() -> None:
    """Run the command; on Windows, where there is nothing to run, say so at once (exit 2)."""
    if sys.platform == "win32":
        sys.stderr.write(
            "mlassay does not run on Windows itself: its safety rests on POSIX files and Linux namespaces.\n"
            "Run it in WSL (wsl --install), where everything works, training too.\n"
        )
        sys.exit(2)
    from mlassay.cli import main as run

    run()


if __name__ == "__main__":
    main()
