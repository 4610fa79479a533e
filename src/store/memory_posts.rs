//! Webhooks in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::times::to_milliseconds;
use super::webhooks::{DeadLetter, Delivery, Keeper, Lease, LetterState, Webhook, WebhookId};

#[derive(Debug, Default)]
pub(super) struct Posts {
    webhooks: BTreeMap<WebhookId, Webhook>,
    leases: BTreeMap<WebhookId, (Uuid, Timestamp)>,
    letters: BTreeMap<(WebhookId, u64), DeadLetter>,
}

impl Posts {
    pub(super) fn add(&mut self, webhook: &Webhook) -> bool {
        if self.webhooks.contains_key(&webhook.id) {
            return false;
        }
        let kept = Webhook { created_at: to_milliseconds(webhook.created_at), ..webhook.clone() };
        self.webhooks.insert(webhook.id, kept);
        true
    }

    pub(super) fn end(&mut self, id: WebhookId, at: Timestamp) -> bool {
        let live = self.webhooks.get_mut(&id).filter(|webhook| webhook.ended_at.is_none());
        live.map(|webhook| webhook.ended_at = Some(to_milliseconds(at))).is_some()
    }

    pub(super) fn all(&self) -> Vec<Webhook> {
        self.webhooks.values().cloned().collect()
    }

    pub(super) fn claim(&mut self, lease: Lease) -> Vec<WebhookId> {
        let live = self.webhooks.values().filter(|webhook| webhook.ended_at.is_none()).map(|webhook| webhook.id);
        let is_free = |id: &WebhookId| self.leases.get(id).is_none_or(|(holder, until)| *holder == lease.holder || *until < lease.now);
        let claimed: Vec<WebhookId> = live.filter(is_free).collect();
        self.leases.extend(claimed.iter().map(|id| (*id, (lease.holder, lease.until))));
        claimed
    }

    pub(super) fn save(&mut self, id: WebhookId, from: u64, delivery: &Delivery, letters: &[DeadLetter]) -> bool {
        let holder = self.leases.get(&id).map(|(holder, _)| *holder);
        let is_its_own = delivery.sender().is_none_or(|sender| holder == Some(sender));
        let Some(webhook) = self.webhooks.get_mut(&id).filter(|webhook| is_its_own && webhook.delivery.cursor == from) else {
            return false;
        };
        let cut = |at: Option<Timestamp>| at.map(to_milliseconds);
        let (failing_since, next_at) = (cut(delivery.failing_since), cut(delivery.next_at));
        webhook.delivery = Delivery { failing_since, next_at, keeper: Keeper::Anyone, ..delivery.clone() };
        if let Keeper::Replay { after, at } = delivery.keeper {
            self.replay(id, after, to_milliseconds(at));
        }
        for letter in letters {
            let stored = self.letters.get(&(id, letter.number));
            if letter.read_at.is_none() || stored.is_none_or(|stored| Some(stored.at) == letter.read_at.map(to_milliseconds)) {
                let kept = DeadLetter { at: to_milliseconds(letter.at), read_at: None, ..letter.clone() };
                self.letters.insert((id, letter.number), kept);
            }
        }
        true
    }

    fn replay(&mut self, id: WebhookId, after: Option<u64>, at: Timestamp) {
        for (_, letter) in self.letters.range_mut((id, 0)..=(id, u64::MAX)) {
            let state = match (after, letter.state) {
                (Some(after), state) if letter.number > after && state != LetterState::Sent => LetterState::Sent,
                (None, LetterState::Dead | LetterState::Again) => LetterState::Again,
                _ => continue,
            };
            (letter.state, letter.at) = (state, at);
        }
    }

    pub(super) fn letters(&self, id: WebhookId, limit: usize) -> Vec<DeadLetter> {
        let own = self.letters.range((id, 0)..=(id, u64::MAX)).map(|(_, letter)| letter);
        let unsent = own.filter(|letter| letter.state != LetterState::Sent).take(limit);
        unsent.map(|letter| DeadLetter { read_at: Some(letter.at), ..letter.clone() }).collect()
    }
}
