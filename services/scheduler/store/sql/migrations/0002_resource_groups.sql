-- Groups that ARM tools make before they put collections there; a collection needs none.
CREATE TABLE resource_groups (
    subscription_key $key NOT NULL,
    group_key $key NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (subscription_key, group_key)
);
