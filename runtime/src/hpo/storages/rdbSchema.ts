/** The revision of Optuna 5's schema, as alembic names it. */
export const SCHEMA_REVISION = 'v3.2.0.a';
/** The version number that goes with it in `version_info`. */
export const SCHEMA_VERSION = 12;
/** Whose layout this is; Optuna compares it with its own only for messages. */
export const LIBRARY_VERSION = '5.0.0';

const attributes = (table: string, owner: string, ownerKey: string, id: string): string =>
  `CREATE TABLE ${table} (
    ${id} SERIAL PRIMARY KEY,
    ${ownerKey} INTEGER REFERENCES ${owner} (${ownerKey}),
    key VARCHAR(512),
    value_json TEXT,
    UNIQUE (${ownerKey}, key)
  )`;

/**
 * The tables that Optuna 5.0 creates in PostgreSQL, equal to its own in `pg_dump`: names of
 * sequences, keys and constraints follow from the same rules of the server.
 */
export const CREATE_TABLES: readonly string[] = [
  `CREATE TYPE studydirection AS ENUM ('NOT_SET', 'MINIMIZE', 'MAXIMIZE')`,
  `CREATE TYPE trialstate AS ENUM ('RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING')`,
  `CREATE TYPE trialvaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG')`,
  `CREATE TYPE trialintermediatevaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG', 'NAN')`,
  `CREATE TABLE studies (
    study_id SERIAL PRIMARY KEY,
    study_name VARCHAR(512) NOT NULL
  )`,
  'CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name)',
  `CREATE TABLE version_info (
    version_info_id INTEGER NOT NULL PRIMARY KEY CHECK (version_info_id = 1),
    schema_version INTEGER,
    library_version VARCHAR(256)
  )`,
  `CREATE TABLE study_directions (
    study_direction_id SERIAL PRIMARY KEY,
    direction studydirection NOT NULL,
    study_id INTEGER NOT NULL REFERENCES studies (study_id),
    objective INTEGER NOT NULL,
    UNIQUE (study_id, objective)
  )`,
  attributes('study_user_attributes', 'studies', 'study_id', 'study_user_attribute_id'),
  attributes('study_system_attributes', 'studies', 'study_id', 'study_system_attribute_id'),
  `CREATE TABLE trials (
    trial_id SERIAL PRIMARY KEY,
    number INTEGER,
    study_id INTEGER REFERENCES studies (study_id),
    state trialstate NOT NULL,
    datetime_start TIMESTAMP WITHOUT TIME ZONE,
    datetime_complete TIMESTAMP WITHOUT TIME ZONE
  )`,
  'CREATE INDEX ix_trials_study_id ON trials (study_id)',
  attributes('trial_user_attributes', 'trials', 'trial_id', 'trial_user_attribute_id'),
  attributes('trial_system_attributes', 'trials', 'trial_id', 'trial_system_attribute_id'),
  `CREATE TABLE trial_params (
    param_id SERIAL PRIMARY KEY,
    trial_id INTEGER REFERENCES trials (trial_id),
    param_name VARCHAR(512),
    param_value DOUBLE PRECISION,
    distribution_json TEXT,
    UNIQUE (trial_id, param_name)
  )`,
  `CREATE TABLE trial_values (
    trial_value_id SERIAL PRIMARY KEY,
    trial_id INTEGER NOT NULL REFERENCES trials (trial_id),
    objective INTEGER NOT NULL,
    value DOUBLE PRECISION,
    value_type trialvaluetype NOT NULL,
    UNIQUE (trial_id, objective)
  )`,
  `CREATE TABLE trial_intermediate_values (
    trial_intermediate_value_id SERIAL PRIMARY KEY,
    trial_id INTEGER NOT NULL REFERENCES trials (trial_id),
    step INTEGER NOT NULL,
    intermediate_value DOUBLE PRECISION,
    intermediate_value_type trialintermediatevaluetype NOT NULL,
    UNIQUE (trial_id, step)
  )`,
  `CREATE TABLE trial_heartbeats (
    trial_heartbeat_id SERIAL PRIMARY KEY,
    trial_id INTEGER NOT NULL REFERENCES trials (trial_id) UNIQUE,
    heartbeat TIMESTAMP WITHOUT TIME ZONE NOT NULL
  )`,
  `CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY
  )`,
];
