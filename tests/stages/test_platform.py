"""What provenance says of the machine."""

from mlassay.stages._platform import facts, versions

FLAGS = "processor\t: 0\nflags\t\t: fpu vme sse sse4_2 avx2 fma avx512f hypervisor\n\nprocessor\t: 1\nflags\t\t: fpu\n"


def test_the_vector_units_are_named_and_nothing_else_of_the_processor(tmp_path):
    (tmp_path / "cpuinfo").write_text(FLAGS)
    assert facts(tmp_path / "cpuinfo")["cpu_features"] == ["avx2", "avx512f", "fma", "sse", "sse4_2"]
    (tmp_path / "arm").write_text("Features\t: fp asimd sve2 crc32\n")
    assert facts(tmp_path / "arm")["cpu_features"] == ["asimd", "sve2"]


def test_where_the_system_does_not_tell_the_list_is_empty(tmp_path):
    found = facts(tmp_path / "nothing")
    assert found["cpu_features"] == []
    assert found["system"]


def test_a_builder_names_its_versions():
    assert set(versions("1")) == {"mlassay", "python", "platform"}
