from tests.forges.test_hosted import merged, opened
from tests.forges.worlds import NAME
from tests.forges.conftest import *
def test_x(hosted):
    request = opened(hosted)
    hosted.forge.merge(request, merged(hosted, request), hosted.repo.head())
    import json
    for p in hosted.forge.calls.pages(f"{hosted.forge._at}/pulls", state="closed"):
        print("HEAD", p["number"], p["state"], p.get("merged"), {k: v for k,v in p["head"].items() if k!="repo"}, bool(p["head"].get("repo")))
    print("ALL", len(hosted.forge.calls.pages(f"{hosted.forge._at}/pulls", state="all")))
    assert 0
