"""MQTT: a run's values and visits for a broker, and Home Assistant's discovery.

    with open_mqtt(live) as publish:    # of `start`; a LiveRun whose settings have [mqtt] host
        ...                             # the loop writes to live.state, rules call publish

A thread of its own reads the run; the loop never waits for the broker. Visits are read from their
CSV file, the only queue: how far they were sent is stored beside it, so that neither a broker nor a
Facet that ends loses one.

Modules: `topics` and `messages` what is sent where; `values` what is in view, without flicker;
`discovery` Home Assistant's entities; `access`, `client` and `connection` the broker; `publisher`
the thread, `session` what it knows of one connection; `visits` their file; `outbox` those of rules;
`ownership` which of two cameras with one id goes on; `snapshot` pictures, if asked for; `forget`
removes a camera from Home Assistant; `check` is the doctor's; `start` begins it all. None is
imported here: `python -m device.mqtt --help` needs no paho.
"""
