"""Errors of the operating system, as libraries dress them."""

import errno

import pytest

from commonfate.base.errors import SYSTEM_ERRORS, UserError, as_user_error, naming


@pytest.mark.parametrize("number", SYSTEM_ERRORS)
def test_each_refusal_names_the_file_and_says_what_to_do(number):
    line = str(as_user_error(OSError(number, "as the system says", "a/b.zip")))
    reason, advice = SYSTEM_ERRORS[number]
    assert line.startswith(f"a/b.zip: {reason} (")
    assert line.endswith(f"; {advice}")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("error", "part"),
    [
        # safetensors, torch's shared memory, Arrow, and what torch makes of a loader's error.
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk is full"),
        (RuntimeError("unable to write to file </torch_1>: No space left on device (28)"), "full"),
        (OSError("[Errno 122] Detail: [errno 122] Disk quota exceeded"), "quota"),
        (RuntimeError("Caught:\nPermissionError: [Errno 13] no: 'x.png'"), "x.png"),
    ],
)
def test_a_text_of_the_system_is_enough(error, part):
    assert part in str(as_user_error(error))


def test_what_an_error_was_raised_from_counts():
    try:
        try:
            raise OSError(errno.EROFS, "Read-only file system", "a.zip")
        finally:
            raise ValueError("there is an open handle on the ZIP file")
    except ValueError as error:
        assert str(as_user_error(error)).startswith("a.zip: the file system is read-only")


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "a").write_text("")
    for make in (tmp_path / "a").mkdir, (tmp_path / "a" / "b").mkdir:
        with pytest.raises(OSError) as caught:
            make()
        assert str(tmp_path / "a") in str(as_user_error(caught.value))


@pytest.mark.parametrize("error", [KeyError("x"), FileNotFoundError(2, "No such file", "x")])
def test_errors_of_ours_stay(error):
    assert as_user_error(error) is None


@pytest.mark.parametrize("name", [None, ".a.zip.host.7.tmp/part", "elsewhere"])
def test_naming_replaces_no_name_and_hidden_ones(tmp_path, name):
    path = tmp_path / "a.zip"
    with pytest.raises(OSError) as caught, naming(path):
        raise OSError(errno.ENOSPC, "No space left on device", name and str(tmp_path / name))
    assert caught.value.filename == str(path if name != "elsewhere" else tmp_path / "elsewhere")


@pytest.mark.parametrize("error", [UserError("a.mp4: no video"), KeyError("x"), OSError("image")])
def test_naming_leaves_other_errors_where_writing_works(tmp_path, error):
    with pytest.raises(type(error)) as caught, naming(tmp_path / "a.zip"):
        raise error
    assert caught.value is error
    assert list(tmp_path.iterdir()) == []
