//! The promises, each a function over any store; `conformance!` makes a test of each for one kind of store.

pub(crate) mod administration;
pub(crate) mod audit;
pub(crate) mod ledger;
pub(crate) mod outbox;
pub(crate) mod races;
pub(crate) mod settings;
pub(crate) mod tokens;
pub(crate) mod trails;
pub(crate) mod tries;
pub(crate) mod verifier;

use std::any::Any;
use std::sync::Arc;

use mtan_verifier::Store;

/// An empty store, and what must live as long as it.
pub(crate) struct Place {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) _keep: Box<dyn Any + Send + Sync>,
}

macro_rules! promises {
    ($start:path: $($part:ident { $($promise:ident)+ })+) => { $(
        mod $part {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let place = $start().await;
                    crate::suite::$part::$promise(&place.store).await;
                }
            )+
        }
    )+ };
}
pub(crate) use promises;

/// Every promise as a test of the store that `$start` makes.
macro_rules! conformance {
    ($start:path) => {
        crate::suite::promises! { $start:
            tokens {
                a_token_comes_back_as_it_was_put
                counters_are_exact_over_their_whole_range
                an_owner_has_sixteen_tokens_and_no_more
                owners_that_look_alike_are_different
                a_token_may_change_hands
                a_token_put_again_moves_its_counter_and_loses_its_challenge
                an_empty_store_knows_nobody
            }
            tries {
                a_try_is_counted_by_user_by_serial_and_by_transaction
                a_try_is_counted_on_every_token_of_the_user
                a_root_names_all_its_challenges
                a_code_that_is_used_up_closes_its_siblings_and_clears_their_tries
                tries_end_at_the_maximum
                an_inactive_token_counts_nothing_and_opens_nothing
                forgiving_takes_back_one_and_never_below_none
                forgiving_takes_back_no_wrong_try
                a_challenge_opens_with_its_job_in_one_step
                a_later_challenge_ends_the_earlier
                an_overtaken_trigger_changes_nothing_and_learns_what_is_open
                a_code_is_used_up_once
                only_the_open_challenge_of_the_token_is_used_up
                a_code_counts_until_its_expiry_and_not_at_it
                the_last_try_may_be_the_right_one
                an_expired_challenge_is_shown_and_a_used_one_is_not
                a_clock_that_goes_backwards_brings_nothing_back
            }
            races {
                of_a_thousand_right_answers_one_wins
                of_a_thousand_wrong_tries_as_many_as_allowed_are_compared
                a_thousand_triggers_open_one_challenge_with_one_job
                of_many_tokens_for_one_owner_sixteen_are_kept
                of_many_reports_one_is_new
                relays_share_the_outbox_and_nothing_is_leased_twice
            }
            outbox {
                an_entry_is_due_at_its_time_and_comes_back_as_it_was_put
                a_leased_entry_is_due_again_unless_settled
                a_lease_takes_the_longest_waiting_and_no_more_than_asked
                settling_forgets_and_settling_the_unknown_is_nothing
                an_entry_never_settled_goes_long_after_its_expiry
            }
            ledger {
                the_first_report_of_each_kind_wins
                an_entry_counts_until_its_time
                a_later_report_prolongs_and_never_shortens
                nothing_is_known_of_an_unknown_job
            }
            trails {
                a_trail_is_found_by_job_by_transaction_by_token_and_by_user
                a_trail_without_reports_is_no_ledger_entry
                a_job_of_another_publisher_has_its_reports_only
                the_first_confirm_stays
                tries_show_unless_taken_back
                the_last_sixteen_tries_are_noted
                what_ended_a_challenge_shows
                the_newest_trails_of_a_token_come_first
                a_changed_token_keeps_its_trails
                the_trails_of_several_tokens_are_told_together
                a_trail_is_known_until_its_time
                a_trail_shows_no_secret_of_a_whole_login
            }
            settings {
                an_empty_store_has_no_settings
                what_was_set_comes_back_byte_for_byte
                changes_are_made_together_and_the_last_of_a_name_stays
                a_change_of_what_somebody_else_has_changed_is_none
                of_many_changes_at_once_each_revision_is_given_once
                a_value_lies_there_sealed_and_opens_in_its_place_only
            }
            administration {
                tokens_are_listed_once_in_the_order_of_their_serials
                the_tokens_of_a_user_are_listed
                a_change_touches_what_it_names_and_nothing_else
                a_change_that_matters_ends_the_challenge_and_takes_its_job_away
                a_new_owner_has_a_bounded_number_of_tokens
                a_counter_moves_only_from_where_it_is
                a_removed_token_lets_nobody_in_and_leaves_nothing_behind
                of_many_changes_at_once_none_is_lost
            }
            audit {
                records_come_back_the_newest_first
                about_as_many_records_stay_as_are_wanted
            }
            verifier {
                a_code_walks_from_the_trigger_to_its_use
                of_a_thousand_right_answers_one_is_accepted
                of_a_thousand_right_answers_one_is_accepted_within_ten_tries
                of_a_thousand_wrong_answers_none_is_accepted_and_the_token_locks
                a_thousand_triggers_send_one_sms
                an_unconfirmed_job_is_relayed
            }
        }
    };
}
pub(crate) use conformance;
