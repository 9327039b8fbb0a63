"""The core of the suite again, on the distribution's Postgres 15."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from hub.database.postgres import Postgres
from tests.hub.database.test_isolation import (
    test_names_and_numbers_of_another_tenant_are_free,
    test_what_else_could_tell,
    two,
)
from tests.hub.database.test_isolation import test_no_table_lets_anything_through as isolation
from tests.hub.database.test_schema import (
    test_a_migrated_database_has_no_drift,
    test_drift_is_seen,
    test_migrations_lead_to_the_declared_schema,
)
from tests.hub.devices.test_devices import (
    test_gaps_are_counted_by_boot_identity,
    test_overview_has_last_values_battery_and_age,
)
from tests.hub.devices.test_documents import (
    devices,
    test_an_unreadable_path_is_refused_with_its_position,
    test_documents_are_found,
)
from tests.hub.devices.test_history import (
    sessions,
    test_a_tick_changes_the_location_and_its_history,
    test_as_of_answers_every_past_state,
    test_deletes_are_recorded,
    test_eight_writers_leave_whole_histories,
    test_sql_past_the_package_leaves_history_too,
)
from tests.hub.ingest.test_ingest import (
    test_a_batch_reading_sent_again_is_stored_once,
    test_a_redelivered_reading_that_repeats_the_last_row_is_not_stored_again,
    test_impossible_times_go_to_quarantine,
    test_late_readings_find_their_month,
    test_numbers_booleans_and_text_are_kept,
)
from tests.hub.places.test_places import (
    test_a_cycle_is_refused,
    test_nested_json_with_several_roots,
    test_the_implied_relation_is_the_brute_force_join,
)
from tests.hub.readings.test_points import (
    test_bins_are_those_of_the_rollup_and_the_first_one_is_whole,
    test_every_reading_comes_once_in_order_in_every_form,
    test_gaps_are_told_from_the_last_reading_to_the_next,
    test_texts_are_given_as_they_are_but_no_spreadsheet_reckons_with_them,
    test_values_can_be_had_as_they_were_calibrated_at_an_instant,
)
from tests.hub.readings.test_readings import (
    test_months_that_nobody_keeps_are_dropped_as_a_whole,
    test_retention_by_series_kind_and_tenant,
    test_rollups_equal_recomputation,
)
from tests.support.postgres import DEBIAN, FAST, Server, reachable_folder

__all__ = [
    "devices",
    "sessions",
    "test_a_batch_reading_sent_again_is_stored_once",
    "test_a_cycle_is_refused",
    "test_a_migrated_database_has_no_drift",
    "test_a_redelivered_reading_that_repeats_the_last_row_is_not_stored_again",
    "test_a_tick_changes_the_location_and_its_history",
    "test_an_unreadable_path_is_refused_with_its_position",
    "test_as_of_answers_every_past_state",
    "test_bins_are_those_of_the_rollup_and_the_first_one_is_whole",
    "test_deletes_are_recorded",
    "test_documents_are_found",
    "test_drift_is_seen",
    "test_eight_writers_leave_whole_histories",
    "test_every_reading_comes_once_in_order_in_every_form",
    "test_gaps_are_counted_by_boot_identity",
    "test_gaps_are_told_from_the_last_reading_to_the_next",
    "test_impossible_times_go_to_quarantine",
    "test_late_readings_find_their_month",
    "test_migrations_lead_to_the_declared_schema",
    "test_months_that_nobody_keeps_are_dropped_as_a_whole",
    "test_names_and_numbers_of_another_tenant_are_free",
    "test_nested_json_with_several_roots",
    "test_numbers_booleans_and_text_are_kept",
    "test_overview_has_last_values_battery_and_age",
    "test_retention_by_series_kind_and_tenant",
    "test_rollups_equal_recomputation",
    "test_sql_past_the_package_leaves_history_too",
    "test_texts_are_given_as_they_are_but_no_spreadsheet_reckons_with_them",
    "test_the_implied_relation_is_the_brute_force_join",
    "test_values_can_be_had_as_they_were_calibrated_at_an_instant",
    "test_what_else_could_tell",
    "two",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Server]:
    """Instead of the session's: everything here is on this one."""
    with reachable_folder() as folder:
        async with Postgres(folder / "fifteen", programs=DEBIAN, tuning=FAST) as postgres:
            found = Server(postgres)
            await found.make_template()
            yield found


async def test_it_is_fifteen(database):
    async with await psycopg.AsyncConnection.connect(database.app_url) as conn:
        assert conn.info.server_version // 10000 == 15


@pytest.fixture
def app_url(database) -> str:
    """Directly; through PgBouncer the other one is enough."""
    return database.app_url


async def test_no_table_lets_anything_through(app_url: str, database, two):
    await isolation(app_url, database, two)
