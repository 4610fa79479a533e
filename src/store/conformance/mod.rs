//! What every back end must do, claim by claim, and random histories against the store in memory.
//!
//! A back end runs the suite by `conformance_tests!(make)`, where `make` returns a [`Place`],
//! or none where its server is missing.

mod cases;
mod changes;
mod codes;
mod drafts;
mod generations;
mod keys;
mod lives;
mod people;
mod photos;
mod rosters;
mod rules;
mod samples;
mod whole;

use std::sync::Arc;

pub use cases::*;
pub use changes::*;
pub use codes::*;
pub use drafts::*;
pub use generations::*;
pub use keys::*;
pub use lives::*;
pub use people::*;
pub(super) use photos::write_photos;
pub use photos::*;
pub use rosters::*;
pub use rules::*;
pub use samples::*;
pub use whole::*;

use super::Store;

/// An empty store of its own, opened by each call; dropping what a call returns closes it again.
pub type Place = Box<dyn Fn() -> Arc<dyn Store>>;

macro_rules! conformance_tests {
    ($make:path) => {
        $crate::store::conformance::conformance_tests! { $make:
            an_empty_store_has_nothing
            a_generation_comes_back_bit_for_bit
            a_generation_is_there_after_reopening
            an_unchanged_unit_keeps_its_dates_and_a_changed_one_begins_anew
            a_ring_that_starts_elsewhere_is_no_change
            a_code_keeps_its_id_when_it_comes_back
            the_same_code_at_two_levels_is_two_units
            an_old_generation_stays_as_it_was_but_for_its_ends
            a_level_that_is_left_out_ends
            publishing_on_an_older_generation_is_refused_and_leaves_nothing
            a_draft_ends_nothing_and_is_nobodys_parent
            a_future_generation_is_not_current_yet
            backdating_begins_units_with_the_generation
            what_a_given_up_generation_was_to_end_goes_on
            a_unit_that_only_a_given_up_generation_leaves_out_may_be_redrawn
            layers_do_not_meet
            accepted_faults_and_the_scheme_come_back
            an_unknown_generation_is_an_error
            a_code_that_has_ended_names_no_other_unit
            a_code_that_only_a_draft_had_is_free
            a_generation_says_what_it_restores
            changes_lead_from_one_generation_to_another
            changes_name_every_end_and_lost_levels
            changes_from_what_is_not_published_are_an_error
            units_are_counted_for_each_generation
            codes_of_all_published_generations_are_known
            ended_units_are_as_they_were_last
            a_draft_has_a_log_to_which_is_only_added
            of_two_who_write_on_one_revision_of_a_draft_the_second_is_told
            a_draft_is_published_with_its_roster_and_its_log_or_not_at_all
            a_draft_is_not_published_with_a_roster_that_undoes_another
            a_roster_is_replaced_whole
            each_time_has_the_roster_of_its_time
            the_mark_of_a_roster_changes_with_every_roster_and_with_nothing_else
            a_roster_comes_and_goes_with_its_generation
            a_worker_is_kept_once
            a_roster_is_changed_only_where_it_is_the_newest
            rules_come_back_as_they_were_written
            each_import_of_rules_keeps_its_rows
            odd_texts_of_rules_come_back
            cases_come_in_pages_in_the_order_of_ids
            cases_are_filtered
            a_known_case_is_left_as_it_is
            a_case_lives_by_its_events
            a_report_that_is_sent_again_is_taken_in_once
            cases_near_a_new_one_are_told
            who_reports_stands_with_the_people
            events_are_followed_in_the_order_of_writing
            publications_are_events_beside_those_of_cases
            lists_of_cases_know_what_they_are_now
            cases_are_found_together_as_one_by_one
            maps_know_where_cases_lie_and_what_they_are
            a_case_that_is_moved_is_found_where_it_is
            words_about_clocks_are_found_in_the_order_of_their_times
            cases_are_found_by_when_they_have_a_part
            few_of_many_cases_are_listed_as_many_are
            open_cases_are_counted_by_holder_and_listed_by_border
            keys_of_reports_are_forgotten_after_a_time
            a_table_of_addresses_takes_the_place_of_the_one_before
            what_is_on_record_begins_and_ends
            who_an_event_concerns_is_told_of_it_by_name
            a_worker_finds_what_is_theirs_to_do
            positions_are_kept_for_a_while
            a_wait_for_events_ends_with_the_next_one
            who_writes_cases_at_once_loses_and_doubles_nothing
            of_reports_written_at_once_each_knows_those_before_it
            a_key_is_added_and_revoked_once
            a_note_is_kept_and_overwritten
            who_is_erased_is_blank_at_all_times_and_stays_in_history
            a_photo_is_there_when_its_event_is
            a_photo_that_is_erased_leaves_its_row_alone
            every_write_stands_in_the_audit_log
            the_version_grows_with_what_snapshots_follow
            a_change_of_the_version_ends_the_wait
            texts_of_any_kind_come_back
            two_openings_see_each_others_writes
            writers_at_once_lose_nothing
            random_histories_agree_with_the_store_in_memory
        }
    };
    ($make:path: $($claim:ident)+) => {
        $(#[test] fn $claim() {
            if let Some(place) = $make() {
                $crate::store::conformance::$claim(&place);
            }
        })+
    };
}
pub(crate) use conformance_tests;
