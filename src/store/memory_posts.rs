//! Webhooks in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::times::to_milliseconds;
use super::webhooks::{DeadLetter, Delivery, Lease, LetterState, Webhook, WebhookId};

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
        let Some(webhook) = self.webhooks.get_mut(&id).filter(|webhook| webhook.delivery.cursor == from) else { return false };
        let cut = |at: Option<Timestamp>| at.map(to_milliseconds);
        webhook.delivery = Delivery { failing_since: cut(delivery.failing_since), next_at: cut(delivery.next_at), ..delivery.clone() };
        for letter in letters {
            self.letters.insert((id, letter.number), DeadLetter { at: to_milliseconds(letter.at), ..letter.clone() });
        }
        true
    }

    pub(super) fn letters(&self, id: WebhookId, limit: usize) -> Vec<DeadLetter> {
        let own = self.letters.range((id, 0)..=(id, u64::MAX)).map(|(_, letter)| letter);
        own.filter(|letter| letter.state != LetterState::Sent).take(limit).cloned().collect()
    }
}
