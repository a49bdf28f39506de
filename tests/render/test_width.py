"""Long lines fold between words on a terminal, and stay whole everywhere else."""

from mlassay.render.width import fold


def test_a_long_line_is_folded_between_words_and_what_follows_is_indented():
    text = "  what:  " + "word " * 30
    lines = fold(text.rstrip(), 60).split("\n")
    assert max(map(len, lines)) <= 60
    assert {line[:9] for line in lines[1:]} == {" " * 9}
    assert "".join(lines).split() == text.split()


def test_where_there_is_no_terminal_lines_stay_whole():
    assert fold("word " * 100, None) == "word " * 100


def test_a_command_stays_whole_so_that_it_can_be_copied():
    line = "Next: mlassay approve 20261121-e120d938 --reason … --risk … " + "x " * 60
    assert fold(line, 80) == line


def test_a_path_without_spaces_is_not_cut():
    path = "/a/very/long/" + "x" * 100
    assert path in fold(f"the file is {path} there", 40)


def test_a_sentence_that_quotes_a_command_is_folded_around_it():
    line = "  - compare with an id kept elsewhere ('mlassay audit anchor --out FILE' makes one, --anchor FILE compares)"
    lines = fold(line, 60).split("\n")
    assert max(map(len, lines)) <= 60
    assert any("'mlassay audit anchor --out FILE'" in each for each in lines)
    assert " ".join(each.strip() for each in lines) == line.strip()
