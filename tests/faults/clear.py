"""What one clear error looks like."""


def refused(done, *codes, says):
    """Assert that ``done`` ended with one of ``codes`` and one error that says ``says``, and with no traceback."""
    assert done.code in codes, (done.code, done.out, done.err)
    assert "Traceback" not in done.err
    assert "bug in mlassay" not in done.err
    assert says in done.err, done.err
    assert done.err.count("error: ") == 1, done.err
