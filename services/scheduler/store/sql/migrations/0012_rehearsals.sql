-- Events that operators have announced, as they were announced; what they came to is in events, like any other.
CREATE TABLE rehearsals (
    event_key $key PRIMARY KEY,
    ends_at BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX rehearsals_ends ON rehearsals (ends_at);
