"""Notes about a shared store are those of a place, however its URL is written."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.store.local import open_store
from cwl_memo.store.sharing import open_tiered
from cwl_memo.store.spool import name_of_place
from tests.store.example import entry, key
from tests.store.shared.sharing import SMALL_FILE, job


@pytest.mark.parametrize(
    "same",
    [
        ["file:///srv/memo", "file:///srv/memo/", "file://localhost/srv/memo", "FILE:///srv//memo"],
        ["file:///a%20b", "file:///a b", "file:///./a b//"],
        ["file:///", "file:////"],
        ["s3://bucket/a", "s3://bucket/a/", "S3://bucket/a//"],
        ["s3://bucket", "s3://bucket/"],
        ["file:///a%2Fb", "file:///a/b"],
    ],
    ids=lambda same: same[0],
)
def test_one_place_has_one_name(same: list[str]) -> None:
    assert len({name_of_place(url) for url in same}) == 1


def test_other_places_have_other_names() -> None:
    urls = [
        *("file:///a", "file:///b", "file:///a/b", "file:///A", "file:///a/../b", "file:///"),
        *(
            "s3://a/b",
            "s3://a",
            "s3://a/B",
            "gs://a/b",
            "s3://b/a",
            "s3://a//b",
            "s3://a/b%20c",
            "no://[url",
        ),
    ]
    assert len({name_of_place(url) for url in urls}) == len(urls)


def test_what_is_still_to_go_up_goes_up_by_any_of_its_urls(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "store")) as store:
        spool = store.spool("file:///srv/memo")
        again = store.spool("file://localhost/srv/memo/")
        assert spool is not None
        assert again is not None
        spool.add(key(1))
        assert again.keys() == [key(1)]
        store.untold("file:///srv/memo").note_dead(key(2))
        assert [*store.untold("file:///srv/memo/").dead()] == [key(2)]


def test_a_wrong_execution_is_wrong_wherever_it_comes_from(tmp_path: Path) -> None:
    made = entry(1)
    with closing(open_store(tmp_path / "store")) as store:
        there, elsewhere = store.untold("s3://bucket/a"), store.untold("gs://another")
        there.note_wrong(made, "other outputs")
        assert there.is_wrong(made)
        assert elsewhere.is_wrong(made)
        assert [*elsewhere.wrong()] == []
        assert [found for found, _ in there.wrong()] == [made]
        there.note_gone(made)
        there.note_gone(made)
        assert [*there.wrong()] == []
        assert elsewhere.is_wrong(made)
        # It may come back there, and is to go once more.
        there.note_wrong(made, "other outputs")
        assert [found for found, _ in there.wrong()] == [made]
        assert not there.is_wrong(replace(made, origin=replace(made.origin, run="another")))


@pytest.mark.parametrize("written", ["file://{}/shared/", "file://localhost{}/shared"])
def test_by_another_url_of_its_store_it_is_used_as_little(tmp_path: Path, written: str) -> None:
    made = job(1, SMALL_FILE)
    url = f"file://{tmp_path}/shared"
    with closing(open_tiered(tmp_path / "a", url)) as there:
        there.ingest_bytes(SMALL_FILE)
        there.publish(made)
        there.share(made.key)
        there.end_sharing(wait=True)
    with closing(open_tiered(tmp_path / "b", url)) as here:
        found = here.get_entry(made.key)
        assert found is not None
        here.remote.may_write = False  # type: ignore[attr-defined]
        here.quarantine_entry(found, "other outputs")
    with closing(open_tiered(tmp_path / "b", written.format(tmp_path))) as again:
        assert again.get_entry(made.key) is None
