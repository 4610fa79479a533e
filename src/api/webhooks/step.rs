use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use uuid::Uuid;

use super::backoff::{Outcome, Tries, is_given_up, pause_after};
use super::deliver::RENEW;
use super::message::{Message, message_for};
use super::send::Sender;
use super::sign::sign;
use crate::api::state::AppState;
use crate::dispatch::CaseId;
use crate::store::{DeadLetter, Delivery, LetterState, NumberedHappening, StoreError, Webhook, WebhookId};

/// Events read from the store at once; how far the sending is, is kept after as many.
const PAGE: usize = 50;

/// How long to wait for this process to learn of boundaries by which another has taken in a case already.
const FOLLOW_PAUSE: Duration = Duration::from_millis(200);

/// Letters that are kept an eye on for one webhook. One that has more is broken, and its letters wait in the store.
const LETTERS_MAX: usize = 10_000;

/// Cases of which an event may fail while those of others go on. One more keeps the webhook.
const HELD_CASES_MAX: usize = 64;

/// New events that may fail one after another, with nothing that got through between them. The next keeps the webhook: its receiver is
/// away as a whole, and is not to be asked for every case there is.
const FAILURES_IN_A_ROW_MAX: u32 = 4;

/// How long what is sent again, what waits and what is new is each sent before it is the turn of the others and how far it is, is kept.
const RETRYING_MAX: Duration = Duration::from_secs(5);

/// What is to be done next for a webhook.
pub enum Step {
    More,
    Idle,
    Wait(Duration),
    Ended,
}

/// Sends what is to be sent again, what waits and is due, and then the next events, until the webhook is kept or there are no more.
pub async fn step(state: &AppState, id: WebhookId, holder: Uuid, sender: &Sender, tries: &mut Tries) -> Result<Step, StoreError> {
    let found = state.write_store(move |store| store.find_webhook(id)).await?;
    let Some(webhook) = found.filter(|webhook| webhook.ended_at.is_none()) else {
        return Ok(Step::Ended);
    };
    if let Some(wait) = webhook.delivery.next_at.and_then(|next| Duration::try_from(next.duration_since(Timestamp::now())).ok()) {
        // Short enough that a replay that is asked for meanwhile does not wait for long.
        return Ok(Step::Wait(wait.min(RENEW)));
    }
    let letters = state.write_store(move |store| store.load_dead_letters(id, LETTERS_MAX)).await?;
    let known = webhook.delivery.clone();
    let mut round = Round::new(state, sender, tries, webhook);
    let mut done = match round.send_again(letters).await {
        // What is sent again goes before anything else, unless it takes too long.
        Ok(Step::Idle) if round.changed.is_empty() || !round.again.is_empty() => round.send_others().await,
        Ok(Step::Idle) => Ok(Step::More),
        other => other,
    };
    // What was sent is kept whatever came in between, or it would be sent again. Where a replay was asked for meanwhile it begins from
    // there, and some may come once more; so it is where somebody else sends by now.
    if round.webhook.delivery != known || !round.changed.is_empty() {
        let delivery = round.webhook.delivery.sent_by(holder);
        let changed: Vec<DeadLetter> = round.changed.into_values().collect();
        let is_kept = state.write_store(move |store| store.save_delivery(id, known.cursor, &delivery, &changed)).await?;
        if !is_kept && done.is_ok() {
            done = Ok(Step::Wait(FOLLOW_PAUSE));
        }
    }
    done
}

/// What is known of a webhook while one step is made.
struct Round<'a> {
    state: &'a AppState,
    sender: &'a Sender,
    tries: &'a mut Tries,
    webhook: Webhook,
    /// Cases, and publications where it is none, whose events are dead letters until somebody asks for them.
    dead: FxHashSet<Option<CaseId>>,
    /// Those of which events are still to be sent again.
    again: FxHashSet<Option<CaseId>>,
    /// Events of cases that are held up, each in their order: the first is tried again, the others wait for it.
    waiting: FxHashMap<Option<CaseId>, VecDeque<DeadLetter>>,
    /// Letters as they are from now on, by their numbers.
    changed: BTreeMap<u64, DeadLetter>,
    /// How many more letters there may be.
    room: usize,
}

impl<'a> Round<'a> {
    fn new(state: &'a AppState, sender: &'a Sender, tries: &'a mut Tries, webhook: Webhook) -> Self {
        let (dead, again, waiting) = (FxHashSet::default(), FxHashSet::default(), FxHashMap::default());
        Self { state, sender, tries, webhook, dead, again, waiting, changed: BTreeMap::new(), room: LETTERS_MAX }
    }

    /// Sorts the letters that there are, and sends those that somebody has asked for, as long as it does not take too long. It is idle
    /// where it could sort all of them.
    async fn send_again(&mut self, letters: Vec<DeadLetter>) -> Result<Step, StoreError> {
        self.room = self.room.saturating_sub(letters.len());
        let until = Instant::now() + RETRYING_MAX;
        for letter in letters {
            match letter.state {
                LetterState::Dead => drop(self.dead.insert(letter.case)),
                LetterState::Waiting => self.waiting.entry(letter.case).or_default().push_back(letter),
                // A later event of a case that stays dead waits with it, and so does a later publication.
                LetterState::Again if self.dead.contains(&letter.case) => {
                    self.change(DeadLetter { state: LetterState::Dead, ..letter });
                }
                LetterState::Again if self.again.contains(&letter.case) || Instant::now() >= until => {
                    self.again.insert(letter.case);
                }
                LetterState::Again => {
                    let (state, error) = match self.message_again(letter.number).await? {
                        Message::NotYet => return Ok(Step::Wait(FOLLOW_PAUSE)),
                        Message::Unwanted => (LetterState::Sent, String::new()),
                        Message::Wanted(body) => match self.attempt(letter.number, body).await {
                            Outcome::Sent => (LetterState::Sent, String::new()),
                            Outcome::Refused(error) | Outcome::Away(error) => {
                                self.dead.insert(letter.case);
                                (LetterState::Dead, error)
                            }
                        },
                    };
                    self.change(DeadLetter { state, error, at: Timestamp::now(), ..letter });
                }
                LetterState::Sent => {}
            }
        }
        // A replay may have taken away what was tried; the event that keeps the webhook is no letter.
        if self.webhook.delivery.failing_since.is_none() {
            let waiting = &self.waiting;
            self.tries.keep(|case| waiting.contains_key(&case));
        }
        Ok(Step::Idle)
    }

    /// Sends what waits and is due, and then the next events.
    async fn send_others(&mut self) -> Result<Step, StoreError> {
        let is_late = self.send_waiting().await?;
        let next = self.send_next().await?;
        let is_more = matches!(next, Step::Idle) && (is_late || !self.again.is_empty());
        Ok(if is_more { Step::More } else { next })
    }

    /// Tries those that wait and are due, the longest due first, each case as far as it goes. After a while it is the turn of new events:
    /// a receiver may take its time to fail. Returns whether that came about.
    async fn send_waiting(&mut self) -> Result<bool, StoreError> {
        let (now, until) = (Timestamp::now(), Instant::now() + RETRYING_MAX);
        let by_time = self.waiting.iter().filter_map(|(case, letters)| Some((self.tries.due_from(*case), letters.front()?.number, *case)));
        let mut due: Vec<_> = by_time.filter(|(from, ..)| *from <= now).collect();
        due.sort_unstable();
        for (.., case) in due {
            if Instant::now() >= until {
                break;
            }
            self.send_case(case, until).await?;
        }
        Ok(Instant::now() >= until)
    }

    /// Sends what waits of a case, until one fails or it is late.
    async fn send_case(&mut self, case: Option<CaseId>, until: Instant) -> Result<(), StoreError> {
        while let Some(letter) = self.waiting.get(&case).and_then(VecDeque::front).cloned() {
            let outcome = match self.message_again(letter.number).await? {
                Message::NotYet => return Ok(()),
                Message::Unwanted => Outcome::Sent,
                Message::Wanted(body) => self.attempt(letter.number, body).await,
            };
            let now = Timestamp::now();
            let error = match &outcome {
                Outcome::Sent => {
                    let letters = self.waiting.entry(case).or_default();
                    letters.pop_front();
                    // The next one fails from now on, if it does.
                    let next = letters.front_mut().map(|next| {
                        next.at = now;
                        next.clone()
                    });
                    self.change(DeadLetter { state: LetterState::Sent, error: String::new(), at: now, ..letter });
                    let Some(next) = next else { break };
                    self.change(next);
                    self.tries.begin(case, now);
                    if Instant::now() >= until {
                        return Ok(());
                    }
                    continue;
                }
                Outcome::Refused(error) | Outcome::Away(error) => error.clone(),
            };
            let refusals = self.tries.failed(case, &outcome, now, self.retry());
            if is_given_up(&outcome, refusals, elapsed(letter.at, now), self.give_up_after()) {
                self.give_up(case, &error, now);
            } else {
                self.change(DeadLetter { error, ..letter });
            }
            return Ok(());
        }
        self.tries.forget(case);
        self.waiting.remove(&case);
        Ok(())
    }

    /// Makes dead letters of all that waits of a case.
    fn give_up(&mut self, case: Option<CaseId>, error: &str, at: Timestamp) {
        self.tries.forget(case);
        self.dead.insert(case);
        for (place, letter) in self.waiting.remove(&case).into_iter().flatten().enumerate() {
            let error = if place == 0 { error.to_owned() } else { behind(case, "is a dead letter") };
            if place == 0 {
                tell_given_up(&self.webhook, letter.number, &error);
            }
            self.change(DeadLetter { state: LetterState::Dead, error, at, ..letter });
        }
        // A new event that fails does not follow one that was given up.
        let delivery = &mut self.webhook.delivery;
        if delivery.failing_since.is_none() {
            *delivery = Delivery { cursor: delivery.cursor, ..Delivery::default() };
        }
    }

    /// Sends the next events. What fails holds up those of its own case, as long as not too many are.
    async fn send_next(&mut self) -> Result<Step, StoreError> {
        let after = self.webhook.delivery.cursor;
        let events = self.state.write_store(move |store| store.load_happenings(after, PAGE)).await?;
        if events.is_empty() {
            return Ok(Step::Idle);
        }
        let until = Instant::now() + RETRYING_MAX;
        for event in events {
            if Instant::now() >= until {
                return Ok(Step::More);
            }
            // What lies where is known only to who has followed; a moment later is soon enough.
            let body = match message_for(self.state, &self.webhook, &event).await? {
                Message::NotYet => return Ok(Step::Wait(FOLLOW_PAUSE)),
                Message::Wanted(body) => body,
                Message::Unwanted => {
                    self.go_past(event.number());
                    continue;
                }
            };
            let case = event.case();
            if self.dead.contains(&case) {
                self.put_aside(&event, LetterState::Dead, behind(case, "is a dead letter"), Timestamp::now());
                continue;
            }
            let is_again = self.again.contains(&case);
            if is_again || self.waiting.contains_key(&case) {
                if self.room == 0 {
                    return Ok(Step::Wait(FOLLOW_PAUSE));
                }
                let (state, what) = if is_again { (LetterState::Again, "is to be sent again") } else { (LetterState::Waiting, "waits") };
                self.put_aside(&event, state, behind(case, what), Timestamp::now());
                continue;
            }
            let outcome = self.attempt(event.number(), body).await;
            let (Outcome::Refused(error) | Outcome::Away(error)) = &outcome else {
                self.tries.forget(case);
                self.go_past(event.number());
                continue;
            };
            let now = Timestamp::now();
            let refusals = self.tries.failed(case, &outcome, now, self.retry());
            let is_in_a_row = self.tries.new_failed(now);
            let delivery = &mut self.webhook.delivery;
            // The one that keeps the webhook follows itself, however long the pause was.
            if !is_in_a_row && delivery.failing_since.is_none() {
                delivery.attempts = 0;
            }
            delivery.attempts += 1;
            delivery.last_error.clone_from(error);
            let (failures, since) = (delivery.attempts, delivery.failing_since.unwrap_or(now));
            if is_given_up(&outcome, refusals, elapsed(since, now), self.give_up_after()) {
                tell_given_up(&self.webhook, event.number(), error);
                self.tries.forget(case);
                self.dead.insert(case);
                self.put_aside(&event, LetterState::Dead, error.clone(), now);
                self.webhook.delivery = Delivery { cursor: event.number(), ..Delivery::default() };
            } else if failures <= FAILURES_IN_A_ROW_MAX && self.waiting.len() < HELD_CASES_MAX && self.room > 0 {
                self.put_aside(&event, LetterState::Waiting, error.clone(), since);
            } else {
                let pause = pause_after(failures.saturating_sub(FAILURES_IN_A_ROW_MAX).max(1), self.retry());
                let next_at = Some(now + SignedDuration::try_from(pause).unwrap_or_default());
                (self.webhook.delivery.failing_since, self.webhook.delivery.next_at) = (Some(since), next_at);
                return Ok(Step::Wait(pause.min(RENEW)));
            }
        }
        Ok(Step::More)
    }

    /// Goes past an event that is not sent now, and keeps it as a letter.
    fn put_aside(&mut self, event: &NumberedHappening, state: LetterState, error: String, at: Timestamp) {
        let (webhook, number, case) = (self.webhook.id, event.number(), event.case());
        let letter = DeadLetter { webhook, number, case, at, error, state, read_at: None };
        if state == LetterState::Waiting {
            self.waiting.entry(case).or_default().push_back(letter.clone());
        }
        self.change(letter);
        self.room = self.room.saturating_sub(1);
        self.go_past(number);
    }

    /// Goes on to the event after one. Since when one fails is never said of another.
    fn go_past(&mut self, number: u64) {
        let delivery = &mut self.webhook.delivery;
        (delivery.cursor, delivery.failing_since, delivery.next_at) = (number, None, None);
    }

    fn change(&mut self, letter: DeadLetter) {
        self.changed.insert(letter.number, letter);
    }

    /// Returns what is to be sent of an event that is sent again; nothing of one that is no more.
    async fn message_again(&self, number: u64) -> Result<Message, StoreError> {
        let events = self.state.write_store(move |store| store.load_happenings(number.saturating_sub(1), 1)).await?;
        match events.into_iter().find(|event| event.number() == number) {
            Some(event) => message_for(self.state, &self.webhook, &event).await,
            None => Ok(Message::Unwanted),
        }
    }

    async fn attempt(&mut self, number: u64, body: String) -> Outcome {
        let webhook = &mut self.webhook;
        let signature = sign(&webhook.secret, format!("{}.{number}", webhook.id.0), Timestamp::now(), &body);
        let outcome = self.sender.send(&webhook.url, body, &signature).await;
        let word = if outcome == Outcome::Sent { "sent" } else { "failed" };
        metrics::counter!("gridkeeper_webhook_messages_total", "outcome" => word).increment(1);
        if outcome == Outcome::Sent {
            // Whatever gets through shows that the receiver is there. Since when the next event fails is another matter.
            let (cursor, failing_since) = (webhook.delivery.cursor, webhook.delivery.failing_since);
            webhook.delivery = Delivery { cursor, failing_since, ..Delivery::default() };
        }
        outcome
    }

    fn retry(&self) -> Duration {
        Duration::from_millis(self.state.config().cases.webhook_retry_ms)
    }

    fn give_up_after(&self) -> Duration {
        Duration::from_secs(self.state.config().cases.webhook_give_up_s)
    }
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// Says why an event is not sent that was not tried.
fn behind(case: Option<CaseId>, what: &str) -> String {
    let earlier = if case.is_some() { "an earlier event of the case" } else { "an earlier publication" };
    format!("{earlier} {what}")
}

fn tell_given_up(webhook: &Webhook, event: u64, error: &str) {
    tracing::warn!(webhook = %webhook.id.0, event, %error, "a message is given up; it stays among the dead letters");
}
