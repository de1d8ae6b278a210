"""The files of docs/fleet that other programs read."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from .programs import FILES, ROOT

COMPOSE = yaml.safe_load((FILES / "compose.yaml").read_text())


def test_versions_are_pinned():
    images = [service["image"] for service in COMPOSE["services"].values()]
    base = re.findall(r"^FROM (\S+)", (FILES / "Dockerfile").read_text(), re.M)
    for image in images + base:
        assert image == "facet-fleet-ingest" or re.search(r":\d+\.\d+", image), image


def test_mounted_files_are_there_or_made_by_the_keys():
    made = (FILES / "keys.sh").read_text()
    for name, service in COMPOSE["services"].items():
        files = [one for one in (service.get("env_file"),) if one]
        files += [v.split(":")[0] for v in service.get("volumes", []) if v.startswith(".")]
        for file in files:
            known = (FILES / file).exists() or file.replace("./secrets", "$SECRETS") in made
            assert known, f"{name}: {file}"


def test_the_compose_file_is_accepted(tmp_path):
    words = next(
        (
            words
            for words in (["docker", "compose"], ["docker-compose"])
            if shutil.which(words[0])
            and subprocess.run([*words, "version"], capture_output=True).returncode == 0
        ),
        None,
    )
    if not words:
        pytest.skip("needs Docker's compose: sudo apt install docker-compose")
    shutil.copytree(FILES, tmp_path / "fleet", ignore=shutil.ignore_patterns("secrets"))
    folder = tmp_path / "fleet"
    subprocess.run([folder / "keys.sh", "init", "127.0.0.1"], check=True, capture_output=True)
    done = subprocess.run([*words, "config"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert set(services) == {"mosquitto", "postgres", "setup", "ingest", "grafana"}
    assert services["ingest"]["environment"]["PGPASSWORD"]


def test_the_image_has_all_that_the_ingest_imports():
    """The Dockerfile installs these packages, and nothing else of Facet's."""
    text = (FILES / "Dockerfile").read_text()
    files = re.findall(r"-r (\S+)", text)
    names = re.findall(r"requirements-pi\.txt (.*?) \\", text)[0].split()
    for file in files:
        names += re.findall(r"^([a-z-]+)", (ROOT / file).read_text(), re.M)
    allowed = {name.partition("-")[0] for name in names} | {"device", "typing_extensions"}
    code = (
        "import sys; before = set(sys.modules)\n"
        "import device.cli.fleet, device.fleet.ingest, device.fleet.database, psycopg\n"
        "tops = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(tops - sys.stdlib_module_names))"
    )
    pytest.importorskip("psycopg")
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    compiled = re.compile(r"_\w|cython_runtime|psycopg_binary")  # parts of these packages
    found = {name for name in done.stdout.split() if not compiled.match(name)}
    assert {"paho", "psycopg"} <= found <= allowed


def test_scripts_pass_shellcheck():
    if not shutil.which("shellcheck"):
        pytest.skip("needs shellcheck: sudo apt install shellcheck")
    scripts = [FILES / "keys.sh", FILES / "postgres" / "roles.sh"]
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_roles_of_the_database(server):
    """roles.sh makes them with the passwords of keys.sh."""
    from .programs import PATHS

    environment = {
        "PATH": PATHS,
        "POSTGRES_USER": "facet",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "FACET_PASSWORD": "a",
        "READER_PASSWORD": "b",
    }
    if not shutil.which("psql"):
        pytest.skip("needs psql: sudo apt install postgresql-client")
    text = (FILES / "postgres" / "roles.sh").read_text()
    # The server of the tests has these names already.
    text = re.sub(r"\bROLE facet\b", "ROLE owner", text).replace("OWNER facet", "OWNER owner")
    text = text.replace("DATABASE facet", "DATABASE fleet").replace("ROLE grafana", "ROLE viewer")
    text = text.replace("TO grafana", "TO viewer")
    done = subprocess.run(["bash", "-c", text], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    import psycopg

    dsn = f"host=127.0.0.1 port={server.port} dbname=fleet"
    from device.fleet import tables
    from device.store.postgres import open_postgres

    with open_postgres(f"{dsn} user=owner") as store:
        tables.set_up(store.engine, "viewer")
    with psycopg.connect(f"{dsn} user=viewer", autocommit=True) as reader:
        assert reader.execute("SELECT count(*) FROM visits").fetchone() == (0,)
        with pytest.raises(psycopg.Error, match=r"read-only|permission"):
            reader.execute("CREATE TABLE mine (a INT)")
