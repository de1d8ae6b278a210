"""Many cameras: takes their messages from an MQTT broker into one PostgreSQL database.

    cameras -> broker -> ingest -> database -> dashboards

A message is acknowledged to the broker when its row is committed, so neither a broker, a database
nor an ingest that is killed loses one; a message that comes twice stays one row, by its id. What is
no visit goes to the table dead_letters, with the reason. docs/FLEET.md sets all of it up.

Modules: `records` what a message says; `tables` cameras and dead letters, beside those of `store`;
`database` writes batches; `dead_letters` looks at what was refused, and stores it after all;
`subscription` the connection to the broker; `ingest` the loop between both. Nothing of it is
imported by the loop of a camera.
"""
