"""Backups: the same database again, on both engines; never over what is in use, never from a file that was changed."""

import asyncio
import os
import shutil
import sqlite3
import stat
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine
from tests.databases import ENGINES, WITHOUT_POSTGRESQL, a_database, a_new_file

from mesrai.errors import MesraiError, StoreUnavailable, UserError
from mesrai.store import migrating
from mesrai.store.audit import add_entry
from mesrai.store.backup_file import read_manifest
from mesrai.store.backups import back_up, restore
from mesrai.store.opening import open_database, schema_of
from mesrai.store.versions import NEWEST

TEXT = "a name with 'quotes', \\ and ünïcode"


def noted(url: str, *subjects: str) -> None:
    async def add() -> None:
        async with open_database(url) as database, database.transaction() as statements:
            for each in subjects:
                await add_entry(statements, organisation="default", who=TEXT, what="t", subject=each, details={"a": 1})

    asyncio.run(add())


def subjects_in(url: str) -> Sequence[Any]:
    async def read() -> Sequence[Any]:
        async with open_database(url) as database:
            return [(row["subject"], row["who"]) for row in await database.rows("SELECT * FROM audit ORDER BY id")]

    return asyncio.run(read())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_backup_put_into_an_empty_database_is_the_same_database_again(engine: str, tmp_path: Path) -> None:
    with a_database(engine, tmp_path) as url, a_database(engine, tmp_path) as other:
        noted(url, "one", "two")
        path, manifest = back_up(url, tmp_path / "kept.backup")
        assert (manifest.engine, manifest.schema) == (engine, NEWEST)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert restore(path, other).schema == NEWEST
        assert subjects_in(other) == [("one", TEXT), ("two", TEXT)]
        noted(other, "three")  # numbers go on where they were: nothing is given twice
        assert [each for each, _ in subjects_in(other)] == ["one", "two", "three"]
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_database_in_use_is_refused_unless_it_is_to_be_replaced(engine: str, tmp_path: Path) -> None:
    with a_database(engine, tmp_path) as url:
        noted(url, "old")
        path, _ = back_up(url, tmp_path / "kept.backup")
        noted(url, "new")
        with pytest.raises(UserError, match="is in use: audit hold entries"):
            restore(path, url)
        assert [each for each, _ in subjects_in(url)] == ["old", "new"]
        restore(path, url, replace=True)
        assert [each for each, _ in subjects_in(url)] == ["old"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_restore_that_fails_leaves_all_as_it_was(engine: str, tmp_path: Path) -> None:
    with a_database(engine, tmp_path) as url:
        noted(url, "kept")
        path, _ = back_up(url, tmp_path / "kept.backup")
        spoilt = tmp_path / "spoilt.backup"
        with zipfile.ZipFile(path) as whole, zipfile.ZipFile(spoilt, "w") as archive:
            content = whole.read("database")
            archive.writestr("manifest.json", whole.read("manifest.json"))
            archive.writestr("database", bytes(each ^ 1 for each in content[:100]) + content[100:])
        with pytest.raises(UserError, match="cut or changed"):
            restore(spoilt, url, replace=True)
        path.write_bytes(path.read_bytes()[:-500])
        with pytest.raises(UserError, match="cut or changed"):
            restore(path, url, replace=True)
        assert [each for each, _ in subjects_in(url)] == ["kept"]


def test_a_sqlite_database_is_backed_up_at_one_moment_while_it_is_written_to(tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    ends = threading.Event()

    def write() -> None:
        with sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None) as database:
            while not ends.is_set():
                database.execute("BEGIN IMMEDIATE")
                for name in ("left", "right"):
                    columns = "at, organisation, who, what, subject, details"
                    database.execute(f"INSERT INTO audit ({columns}) VALUES (0, 'o', 'w', 't', ?, '{{}}')", [name])
                database.execute("COMMIT")

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for number in range(3):
            path, _ = back_up(url, tmp_path / f"{number}.backup")
            other = f"sqlite:///{tmp_path}/other-{number}.db"
            restore(path, other)
            found = [each for each, _ in subjects_in(other)]
            assert found.count("left") == found.count("right")
    finally:
        ends.set()
        writing.join()


def test_an_older_backup_is_brought_up_to_date_and_a_newer_one_is_refused(tmp_path: Path) -> None:
    old, url = tmp_path / "old.db", f"sqlite:///{tmp_path}/new.db"
    config = migrating._config()
    with create_engine(f"sqlite:///{old}").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
    path, manifest = back_up(f"sqlite:///{old}", tmp_path / "old.backup")
    assert manifest.schema == "0005"
    restore(path, url)
    assert asyncio.run(schema_of(url)) == NEWEST

    newer = tmp_path / "newer.backup"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(newer, "w") as archive:
        archive.writestr("manifest.json", whole.read("manifest.json").replace(b'"0005"', b'"9999"'))
        archive.writestr("database", whole.read("database"))
    with pytest.raises(UserError, match="newer Mesrai"):
        restore(newer, url, replace=True)


def test_what_is_no_backup_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    url = a_new_file(tmp_path)
    noise = tmp_path / "noise"
    noise.write_bytes(os.urandom(500))
    with pytest.raises(UserError, match="is no backup of Mesrai"):
        restore(noise, url)
    path, _ = back_up(url, tmp_path)
    assert read_manifest(path).engine == "sqlite"
    with pytest.raises(UserError, match="of SQLite, and MESRAI_DATABASE_URL names PostgreSQL"):
        restore(path, "postgresql://mesrai@127.0.0.1:1/none")
    with pytest.raises(UserError, match="There is a file"):
        back_up(url, path)
    with pytest.raises(UserError, match="nothing to back up"):
        back_up(f"sqlite:///{tmp_path}/never.db", tmp_path / "x")
    with pytest.raises(UserError, match="Nothing can be written"):
        back_up(url, tmp_path / "no" / "folder")


def test_the_password_of_postgresql_stands_in_no_command_line_and_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip(WITHOUT_POSTGRESQL)
    seen = tmp_path / "seen"
    for name in ("psql", "pg_dump"):
        wrapper = tmp_path / "bin" / name
        wrapper.parent.mkdir(exist_ok=True)
        wrapper.write_text(f'#!/bin/sh\necho "$0 $@" >>{seen}\nenv >>{seen}\nexec {shutil.which(name)} "$@"\n')
        wrapper.chmod(0o755)
    with a_database("postgresql", tmp_path) as url:
        with_password = url.replace("mesrai@", "mesrai:pa%3Ass-w0rd@")
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("MESRAI_DATABASE_URL", with_password)
        back_up(with_password, tmp_path / "kept.backup")
    told = seen.read_text()
    assert "pg_dump --format" in told
    assert "PGPASSFILE" in told
    assert "ss-w0rd" not in told


def test_without_the_programs_or_the_server_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MesraiError, match=r"psql did not work on postgresql://…?.*127.0.0.1:1/none") as refused:
        back_up("postgresql://mesrai:hidden@127.0.0.1:1/none", tmp_path / "x")
    assert isinstance(refused.value, StoreUnavailable)
    assert "hidden" not in refused.value.message
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="psql is not installed"):
        back_up("postgresql://mesrai@127.0.0.1:1/none", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
