"""The files of device.label as a view."""

import numpy as np
import pytest

from device.label.table import ShardTable, Where
from device.query.engine import open_query
from device.types import Face, Probabilities

pytest.importorskip("duckdb", reason="no duckdb (requirements-query.txt)")
pytest.importorskip("pyarrow", reason="no pyarrow (requirements-label.txt)")

NAMES = ("Smiling", "Male")


def test_shards_are_the_view_labels(tmp_path):
    for number in range(2):
        table = ShardTable(NAMES, "abc")
        values = Probabilities(NAMES, np.array([0.9, 0.1], np.float32))
        face = Face(1, (1, 2, 3, 4), 0.5, np.zeros((4, 2)), "ok", (), values)
        table.add_faces(Where(f"/{number}.jpg"), [face])
        table.add_failure(Where("/none.jpg"), "it is empty")
        (tmp_path / f"shard-{number:07}.parquet").write_bytes(table.to_parquet({}))
    (tmp_path / "_run.json").write_text("{}")
    (tmp_path / "_plan.jsonl").write_text('["/0.jpg", "/none.jpg"]\n["/1.jpg"]\n')
    with open_query([tmp_path]) as query:
        answer = query.run(
            "select reason, count(*), round(avg(Smiling), 2), any_value(model) from labels"
            " group by reason order by reason nulls first"
        )
        assert list(answer.rows) == [
            (None, 2, 0.9, "abc"),
            ("it is empty", 2, None, "abc"),
        ]
