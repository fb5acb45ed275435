//! A real verifier over the store: the rules hold because the steps do.

use std::sync::Arc;

use mtan_jobs::Outcome;
use mtan_verifier::{Answer, Reason, Store};

use crate::fixtures::{PIN, desk, of_transaction, of_user, report, serial, together};

const MANY: usize = 1000;

pub(crate) async fn a_code_walks_from_the_trigger_to_its_use(store: &Arc<dyn Store>) {
    let desk = desk(store, 10).await;
    let alice = of_user("alice");
    let Answer::Challenged(sent) = desk.verifier.smspin(Some(&alice), PIN).await else { panic!("no SMS") };
    let code = desk.publisher.last_code();

    desk.clock.set(299_999);
    let answered = of_transaction(sent.transaction.as_str());
    let wrong = desk.verifier.check(Some(&answered), "0000000x", Some(&sent.transaction)).await;
    assert!(matches!(wrong, Answer::Rejected(_)));
    let right = desk.verifier.check(Some(&answered), &code, Some(&sent.transaction)).await;
    assert_eq!(right, Answer::Accepted(serial("LSSM0001")));
    let again = desk.verifier.check(Some(&answered), &code, Some(&sent.transaction)).await;
    assert_eq!(again, Answer::Rejected(Reason::UnknownTransaction));

    let report = report(sent.sms[0].job_id.as_str(), Outcome::Accepted, "");
    desk.verifier.apply_report(&report).await.unwrap();
    let entry = desk.verifier.ledger_entry(&sent.sms[0].job_id).await.unwrap().unwrap();
    assert_eq!(entry.outcome, Some(report));

    // The next code is another one, and after its time it is refused.
    desk.verifier.smspin(Some(&alice), PIN).await;
    assert_eq!(desk.publisher.jobs().len(), 2);
    desk.clock.set(299_999 + 300_000);
    let late = format!("{PIN}{}", desk.publisher.last_code());
    assert_eq!(desk.verifier.check(Some(&alice), &late, None).await, Answer::Rejected(Reason::Expired));
}

/// With more tries than answers: all of them are compared.
pub(crate) async fn of_a_thousand_right_answers_one_is_accepted(store: &Arc<dyn Store>) {
    one_of_many_right_answers_is_accepted(store, 2 * MANY as u32).await;
}

/// With LinOTP's ten tries: the lock-out may not get in the way of the one, nor let in a second.
pub(crate) async fn of_a_thousand_right_answers_one_is_accepted_within_ten_tries(store: &Arc<dyn Store>) {
    one_of_many_right_answers_is_accepted(store, 10).await;
}

async fn one_of_many_right_answers_is_accepted(store: &Arc<dyn Store>, max_fail_count: u32) {
    let desk = desk(store, max_fail_count).await;
    desk.verifier.smspin(Some(&of_user("alice")), PIN).await;
    let pass = format!("{PIN}{}", desk.publisher.last_code());
    let answers = together(MANY, |_| {
        let (verifier, pass) = (desk.verifier.clone(), pass.clone());
        async move { verifier.check(Some(&of_user("alice")), &pass, None).await }
    })
    .await;
    assert_eq!(answers.iter().filter(|a| matches!(a, Answer::Accepted(_))).count(), 1);
}

pub(crate) async fn of_a_thousand_wrong_answers_none_is_accepted_and_the_token_locks(store: &Arc<dyn Store>) {
    let desk = desk(store, 10).await;
    desk.verifier.smspin(Some(&of_user("alice")), PIN).await;
    let code = desk.publisher.last_code();
    let answers = together(MANY, |n| {
        let (verifier, wrong) = (desk.verifier.clone(), format!("{PIN}{n:08}"));
        let is_right = wrong.ends_with(&code);
        async move {
            if is_right { None } else { Some(verifier.check(Some(&of_user("alice")), &wrong, None).await) }
        }
    })
    .await;
    let count = |reason| answers.iter().flatten().filter(|a| **a == Answer::Rejected(reason)).count();
    assert_eq!(count(Reason::WrongOtp), 10, "ten are compared");
    assert_eq!(count(Reason::WrongOtp) + count(Reason::Locked), answers.iter().flatten().count());
    let right = format!("{PIN}{code}");
    let answer = desk.verifier.check(Some(&of_user("alice")), &right, None).await;
    assert_eq!(answer, Answer::Rejected(Reason::Locked));
}

pub(crate) async fn a_thousand_triggers_send_one_sms(store: &Arc<dyn Store>) {
    let desk = desk(store, 2 * MANY as u32).await;
    let answers = together(MANY, |_| {
        let verifier = desk.verifier.clone();
        async move { verifier.smspin(Some(&of_user("alice")), PIN).await }
    })
    .await;
    assert_eq!(desk.publisher.jobs().len(), 1);
    let mut fresh = 0;
    for answer in answers {
        let Answer::Challenged(sent) = answer else { panic!("{answer:?}") };
        assert_eq!(sent.sms[0].job_id, desk.publisher.jobs()[0].id);
        fresh += usize::from(!sent.already);
    }
    assert_eq!(fresh, 1);
    assert_eq!(desk.verifier.token(&serial("LSSM0001")).await.unwrap().unwrap().fail_count, 0);
}

pub(crate) async fn an_unconfirmed_job_is_relayed(store: &Arc<dyn Store>) {
    let desk = desk(store, 10).await;
    desk.verifier.smspin(Some(&of_user("alice")), PIN).await;
    assert_eq!(desk.verifier.outbox_depth().await.unwrap(), 1, "confirmed, and not yet told to the outbox");
    assert_eq!(desk.verifier.relay().await.unwrap(), 0);
    assert_eq!(desk.verifier.outbox_depth().await.unwrap(), 0);

    // Another process dies between promise and confirm: the entry is all there is, and the relay publishes it.
    desk.clock.set(60_000);
    desk.verifier.smspin(Some(&of_user("alice")), PIN).await;
    let promised = desk.publisher.jobs();
    desk.clock.set(70_000);
    let leased =
        store.lease(mtan_jobs::Clock::now(&*desk.clock), crate::fixtures::at(80_000), 10).await.unwrap();
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].job_id, promised[1].id);
}
