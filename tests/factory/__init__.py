"""Small, real, signed repositories in moments, without training. READY FOR USE (promotion tests import it too).

    project = factory.make(tmp_path)              # a team's repository with policy, people, data, first commit on main
    release = factory.record(project)             # sign and record a passed release; commits evidence on the main line
    factory.record(project, outcome=Outcome.FAILED, seed=2)

`project.repo` is the Repository, `project.keys` the folder of private keys (`ci.pem`, `dana`, `robin`, `lee`),
`project.now` a clock that moves on by a minute at each look, `project.remote` the bare remote (None without one).
"""

from tests.factory.project import PEOPLE, Project, make
from tests.factory.release import record, run_folder, sign_run, tiny_model

__all__ = ["PEOPLE", "Project", "make", "record", "run_folder", "sign_run", "tiny_model"]
