//! Messages that share a channel: all are published, every confirm is awaited, and only then each is judged.
//!
//! lapin hands a returned (unroutable) message to whichever confirm of its channel completes next. The broker returns
//! a message before it confirms it; so at any point in time no more returns are still to be handed on than confirms are still to come,
//! and once every confirm of a batch is there, so is every return, on some confirm of the same batch. The
//! `message_id` tells whose it is.

use std::collections::HashSet;

use futures_util::future::join_all;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{Channel, Confirmation};
use mtan_jobs::PublishError;

use super::letter::{Answer, Letter};

/// A letter's `message_id`; "none" is an id, too.
pub(super) type Id = Option<ShortString>;

/// What the broker says when it confirms, and whichever return came with it.
#[derive(Debug)]
struct Confirm {
    stored: bool,
    returned: Option<Id>,
}

/// Publishes `letters`, whose ids differ, and gives each its answer, in their order. An error says that the channel
/// is of no use any more and that nothing is known of any of them.
pub(super) async fn bring_out(channel: &Channel, letters: Vec<Letter>) -> Result<Vec<Answer>, String> {
    let ids: Vec<Id> = letters.iter().map(|letter| letter.properties.message_id().clone()).collect();
    let confirmations = confirmed(channel, letters).await.map_err(|error| error.to_string())?;
    let confirms = confirmations.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    judge(&ids, &confirms)
}

async fn confirmed(channel: &Channel, letters: Vec<Letter>) -> lapin::Result<Vec<Confirmation>> {
    let mut confirmations = Vec::with_capacity(letters.len());
    for sent in join_all(letters.into_iter().map(|letter| publish(channel, letter))).await {
        confirmations.push(sent?);
    }
    let mut answers = Vec::with_capacity(confirmations.len());
    for confirmation in confirmations {
        answers.push(confirmation.await?);
    }
    Ok(answers)
}

async fn publish(channel: &Channel, letter: Letter) -> lapin::Result<lapin::PublisherConfirm> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let (exchange, key) = (letter.exchange.into(), letter.routing_key.into());
    channel.basic_publish(exchange, key, options, &letter.body, letter.properties).await
}

fn read(confirmation: Confirmation) -> Result<Confirm, String> {
    let (stored, returned) = match confirmation {
        Confirmation::Ack(returned) => (true, returned),
        Confirmation::Nack(returned) => (false, returned),
        Confirmation::NotRequested => return Err("a channel without confirms".to_owned()),
    };
    let returned = returned.map(|message| message.delivery.properties.message_id().clone());
    Ok(Confirm { stored, returned })
}

/// The answers to `ids`, whose `confirms` stand in the same order. A return that is none of theirs, or comes twice,
/// means that lapin or the broker work in another way than this relies on: then nothing is known.
fn judge(ids: &[Id], confirms: &[Confirm]) -> Result<Vec<Answer>, String> {
    let mut returned = HashSet::new();
    for id in confirms.iter().filter_map(|confirm| confirm.returned.as_ref()) {
        if !ids.contains(id) || !returned.insert(id) {
            return Err("a message came back that was not under way".to_owned());
        }
    }
    let answer = |(id, confirm): (&Id, &Confirm)| match confirm.stored {
        _ if returned.contains(id) => Err(PublishError::Unroutable),
        true => Ok(()),
        false => Err(PublishError::Full),
    };
    Ok(ids.iter().zip(confirms).map(answer).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: Answer = Ok(());
    const UNROUTABLE: Answer = Err(PublishError::Unroutable);
    const FULL: Answer = Err(PublishError::Full);

    fn id(id: &str) -> Id {
        Some(id.into())
    }

    fn ids(names: &[&str]) -> Vec<Id> {
        names.iter().copied().map(id).collect()
    }

    fn ack(returned: Option<&str>) -> Confirm {
        Confirm { stored: true, returned: returned.map(id) }
    }

    fn nack(returned: Option<&str>) -> Confirm {
        Confirm { stored: false, returned: returned.map(id) }
    }

    #[test]
    fn each_confirm_is_its_own_letters() {
        let confirms = [ack(None), nack(None), ack(None)];
        assert_eq!(judge(&ids(&["a", "b", "c"]), &confirms).unwrap(), [STORED, FULL, STORED]);
    }

    #[test]
    fn a_return_is_its_letters_on_whichever_confirm_it_came() {
        for at in 0..4 {
            let mut confirms = [ack(None), nack(None), ack(None), ack(None)];
            confirms[at].returned = Some(id("c"));
            let answers = judge(&ids(&["a", "b", "c", "d"]), &confirms).unwrap();
            assert_eq!(answers, [STORED, FULL, UNROUTABLE, STORED], "it came with confirm {at}");
        }
        let confirms = [nack(Some("d")), ack(Some("c")), ack(Some("a")), ack(None)];
        let answers = judge(&ids(&["a", "b", "c", "d"]), &confirms).unwrap();
        assert_eq!(answers, [UNROUTABLE, STORED, UNROUTABLE, UNROUTABLE]);
    }

    #[test]
    fn a_letter_without_an_id_is_told_apart_too() {
        let confirms = [Confirm { stored: true, returned: Some(None) }, ack(None)];
        assert_eq!(judge(&[id("a"), None], &confirms).unwrap(), [STORED, UNROUTABLE]);
    }

    #[test]
    fn of_a_batch_with_a_return_that_is_not_its_own_nothing_is_known() {
        judge(&ids(&["a", "b"]), &[ack(None), ack(Some("z"))]).unwrap_err();
        judge(&ids(&["a", "b"]), &[ack(Some("a")), ack(Some("a"))]).unwrap_err();
        judge(&ids(&["a"]), &[Confirm { stored: true, returned: Some(None) }]).unwrap_err();
    }
}
