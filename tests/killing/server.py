"""Runs verbs in forks of this one process, which has imported everything: a tenth of the time of a new one.

One JSON object a line on standard input ``{words, cwd, at, count, out, environment}``; one exit code a line answers,
negative for a signal. Every fork leads a session of its own, so that a kill takes its children along.
"""

import json
import os
import sys
import traceback
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import walk_packages


def hook():
    """The hook, as a module that was not loaded by Python itself."""
    spec = spec_from_file_location("kill_hook", Path(__file__).parent / "hook/sitecustomize.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load():
    """Import whatever the verbs import late."""
    import mlassay

    for module in walk_packages(mlassay.__path__, "mlassay."):
        if not module.name.endswith("__main__") and "adversarial" not in module.name:
            import_module(module.name)
    for name in ("onnx", "onnxruntime", "git", "git.db", "jsonschema", "rich.console", "rich.table", "yaml"):
        import_module(name)
    for name in ("scipy.stats", "cryptography.hazmat.primitives.asymmetric.ec", "secrets", "tempfile"):
        import_module(name)


def serve(asked, killer):
    """Do one verb in a fork; its exit code."""
    child = os.fork()
    if not child:
        code = 70
        try:
            code = _become(asked, killer)
        except BaseException:  # noqa: BLE001  whatever it is, this fork must not go on as a server
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become(asked, killer):
    os.setsid()
    for stream, name in ((sys.stdout, "stdout"), (sys.stderr, "stderr")):
        handle = os.open(f"{asked['out']}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, stream.fileno())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(asked["cwd"])
    os.environ |= asked["environment"]
    sys.argv = ["mlassay", *asked["words"]]
    leave = killer.install(asked["at"], asked["count"]) if asked["at"] is not None else None
    from mlassay.cli import main

    try:
        main()
    except SystemExit as end:
        if asked["count"]:
            leave()
        return int(end.code or 0)
    return 70


if __name__ == "__main__":
    load()
    loaded = hook()
    for line in sys.stdin:
        code = serve(json.loads(line), loaded)
        print(code, flush=True)
