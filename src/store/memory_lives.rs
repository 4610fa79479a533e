//! The lives of cases in memory.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::case_records::{CaseWrite, CaseWritten, DUPLICATES_MAX, NewCase, NewEvent, Notice, NumberedEvent, PhotoFile, Standing};
use super::records::CaseFilter;
use super::times::to_milliseconds;
use crate::dispatch::workflow::{CaseEvent, CaseState, NoticeKind, notices_of};
use crate::dispatch::{Case, CaseId, Photo, PhotoId, Reporter, WorkerId, distance_m};

#[derive(Debug, Default)]
pub(super) struct Lives {
    /// In the order of writing, with their numbers.
    events: Vec<(u64, (CaseId, CaseEvent))>,
    /// The number that was given last, to an event or a publication.
    newest: u64,
    reporters: BTreeMap<CaseId, Reporter>,
    photos: BTreeMap<PhotoId, PhotoFile>,
    tokens: BTreeMap<[u8; 32], ([u8; 32], CaseId, Timestamp)>,
    /// Who is told of which event and why no longer, by the event's number.
    forgotten: BTreeSet<(u64, NoticeKind, WorkerId)>,
    /// Metres to the border of the cases that are in doubt.
    borders: BTreeMap<CaseId, f64>,
}

impl Lives {
    pub(super) fn write(&mut self, cases: &mut BTreeMap<CaseId, Case>, write: CaseWrite) -> CaseWritten {
        match write {
            CaseWrite::Add(new) => self.add(cases, *new),
            CaseWrite::Append(next) => self.append(cases, *next),
            CaseWrite::AppendPhoto(both) => {
                let (next, photo) = *both;
                let written = self.append(cases, next);
                if written == CaseWritten::Appended {
                    self.keep_photo(photo);
                }
                written
            }
        }
    }

    fn add(&mut self, cases: &mut BTreeMap<CaseId, Case>, mut new: NewCase) -> CaseWritten {
        let id = new.case.id;
        if let Some((body, case, _)) = new.token.and_then(|token| self.tokens.get(&token.key)) {
            return CaseWritten::Repeated { case: *case, is_same_body: Some(*body) == new.token.map(|token| token.body) };
        }
        if cases.contains_key(&id) || new.events.is_empty() {
            return CaseWritten::Refused;
        }
        new.case.reported_at = to_milliseconds(new.case.reported_at);
        if let Some(near) = new.near {
            let reported = to_milliseconds(near.since)..=new.case.reported_at;
            let others = cases.values().filter(|other| reported.contains(&other.reported_at) && !self.history(other.id).is_empty());
            let mut found: Vec<_> = others.map(|other| (other.id, distance_m(new.case.position, other.position))).collect();
            found.retain(|(_, far)| *far <= near.distance_m);
            found.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            found.truncate(DUPLICATES_MAX);
            new.events[0].facts.duplicates = found;
        }
        if let Some(token) = new.token {
            self.tokens.insert(token.key, (token.body, id, to_milliseconds(new.events[0].at)));
        }
        if !new.reporter.is_empty() {
            self.reporters.insert(id, new.reporter);
        }
        std::mem::take(&mut new.photos).into_iter().for_each(|photo| self.keep_photo(photo));
        self.save_borders(&[(id, new.border_m)]);
        cases.insert(id, new.case);
        let first = new.events[0].clone();
        new.events.into_iter().for_each(|event| self.push(id, event));
        CaseWritten::Added(Box::new(first))
    }

    fn append(&mut self, cases: &mut BTreeMap<CaseId, Case>, next: NewEvent) -> CaseWritten {
        let version = self.history(next.case).last().map(|event| event.seq);
        let (Some(version), Some(case)) = (version, cases.get_mut(&next.case)) else { return CaseWritten::Refused };
        if version + 1 != next.event.seq {
            return CaseWritten::Stale { version };
        }
        if let Some(place) = &next.event.facts.place {
            (case.position, case.generation) = (place.position, place.generation);
            case.given.clone_from(&place.given);
            case.grid.clone_from(&place.grid);
            case.holder.clone_from(&place.holder);
            self.save_borders(&[(next.case, place.border_m)]);
        }
        if let Some(category) = &next.event.facts.category {
            case.category.clone_from(category);
        }
        self.push(next.case, next.event);
        CaseWritten::Appended
    }

    pub(super) fn forget_tokens(&mut self, before: Timestamp, limit: usize) -> usize {
        let mut old: Vec<_> = self.tokens.iter().filter(|(_, (.., at))| *at < before).map(|(key, (.., at))| (*at, *key)).collect();
        old.sort_unstable();
        old.truncate(limit);
        self.tokens.retain(|key, _| !old.iter().any(|(_, forgotten)| forgotten == key));
        old.len()
    }

    pub(super) fn save_borders(&mut self, borders: &[(CaseId, Option<f64>)]) {
        for (id, border_m) in borders {
            match border_m {
                Some(border_m) => drop(self.borders.insert(*id, *border_m)),
                None => drop(self.borders.remove(id)),
            }
        }
    }

    pub(super) fn border_m(&self, id: CaseId) -> Option<f64> {
        self.borders.get(&id).copied()
    }

    pub(super) fn standing(&self, id: CaseId) -> Option<Standing> {
        CaseState::fold(&self.history(id)).as_ref().map(Standing::of)
    }

    pub(super) fn history(&self, id: CaseId) -> Vec<CaseEvent> {
        self.events.iter().filter(|(_, (case, _))| *case == id).map(|(_, (_, event))| event.clone()).collect()
    }

    pub(super) fn reporter(&self, id: CaseId) -> Option<Reporter> {
        self.reporters.get(&id).cloned()
    }

    /// Returns who has reported a case, by the ids under which they are known, and when the case ended.
    pub(super) fn reporters(&self) -> impl Iterator<Item = (WorkerId, Option<Timestamp>)> {
        self.reporters.keys().map(|case| {
            let state = CaseState::fold(&self.history(*case));
            (WorkerId(format!("reporter {case}").into()), state.and_then(|state| state.ended_at))
        })
    }

    pub(super) fn erase_reporter(&mut self, id: &WorkerId) -> bool {
        let case = self.reporters.keys().copied().find(|case| *id.0 == *format!("reporter {case}"));
        case.and_then(|case| self.reporters.remove(&case)).is_some()
    }

    fn keep_photo(&mut self, file: PhotoFile) {
        let photo = Photo { at: to_milliseconds(file.photo.at), ..file.photo };
        self.photos.insert(photo.id, PhotoFile { photo, ..file });
    }

    /// Returns what is known of all photos, in the order of their ids.
    pub(super) fn photos(&self) -> impl Iterator<Item = &Photo> {
        self.photos.values().map(|file| &file.photo)
    }

    pub(super) fn photo(&self, id: PhotoId) -> Option<&PhotoFile> {
        self.photos.get(&id).filter(|file| file.photo.erased_at.is_none())
    }

    /// Takes the bytes of a photo out, and returns whose case it is where there were any.
    pub(super) fn erase_photo(&mut self, id: PhotoId, at: Timestamp) -> Option<CaseId> {
        let file = self.photos.get_mut(&id).filter(|file| file.photo.erased_at.is_none())?;
        file.bytes = Vec::new();
        (file.photo.byte_count, file.photo.erased_at) = (0, Some(to_milliseconds(at)));
        Some(file.photo.case)
    }

    /// Returns when a case ended, by its last event; none of one that has not.
    pub(super) fn left_at(&self, case: CaseId) -> Option<Timestamp> {
        self.history(case).last().filter(|event| event.is_end).map(|event| event.at)
    }

    pub(super) fn events_after(&self, cases: &BTreeMap<CaseId, Case>, after: u64, limit: usize) -> Vec<NumberedEvent> {
        let numbered = self.events.iter().filter(|(number, _)| *number > after).take(limit);
        let event = |(number, (id, event)): &(u64, (CaseId, CaseEvent))| {
            let is_published = CaseState::fold(&self.history(*id)).is_some_and(|state| state.is_published);
            Some(NumberedEvent { number: *number, case: cases.get(id)?.clone(), event: event.clone(), is_published })
        };
        numbered.filter_map(event).collect()
    }

    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Gives the next number.
    pub(super) fn number_next(&mut self) -> u64 {
        self.newest += 1;
        self.newest
    }

    fn push(&mut self, case: CaseId, event: CaseEvent) {
        let number = self.number_next();
        self.events.push((number, (case, kept(event))));
    }

    /// Returns who was told of which event, in the order of events.
    pub(super) fn notices<'a>(&'a self, worker: &'a WorkerId, after: u64) -> impl Iterator<Item = Notice> + 'a {
        let appended = self.events.iter().filter(move |(number, (_, event))| *number > after && event.seq > 1);
        appended.flat_map(move |(number, (case, event))| {
            let mut own: Vec<NoticeKind> =
                notices_of(event).into_iter().filter(|(told, _)| *told == worker).map(|(_, kind)| kind).collect();
            own.sort_by_key(|kind| kind.as_str());
            own.dedup();
            own.retain(|kind| !self.forgotten.contains(&(*number, *kind, worker.clone())));
            own.into_iter().map(move |kind| Notice { number: *number, kind, case: *case, at: event.at })
        })
    }

    pub(super) fn forget_notices(&mut self, before: Timestamp, limit: usize) -> usize {
        let appended = self.events.iter().filter(|(_, (_, event))| event.seq > 1 && event.at < before);
        let told = |(number, (_, event)): &(u64, (CaseId, CaseEvent))| {
            let (number, at) = (*number, event.at);
            notices_of(event).into_iter().map(|(worker, kind)| (at, (number, kind, worker.clone()))).collect::<Vec<_>>()
        };
        let mut old: Vec<_> = appended.flat_map(told).filter(|(_, notice)| !self.forgotten.contains(notice)).collect();
        let place = |(at, (number, kind, worker)): &(Timestamp, (u64, NoticeKind, WorkerId))| (*at, *number, kind.as_str(), worker.clone());
        old.sort_by_cached_key(place);
        old.dedup();
        old.truncate(limit);
        let count = old.len();
        self.forgotten.extend(old.into_iter().map(|(_, notice)| notice));
        count
    }

    pub(super) fn matches(&self, case: &Case, filter: &CaseFilter) -> bool {
        if filter.state.is_none()
            && filter.is_open.is_none()
            && filter.is_published.is_none()
            && filter.due_before.is_none()
            && filter.alarm_by.is_none()
            && !filter.is_near_border
            && filter.part_from.is_none()
            && !filter.is_long
            && filter.worker.is_none()
            && filter.department.is_none()
        {
            return true;
        }
        let Some(standing) = self.standing(case.id) else { return false };
        filter.state.as_ref().is_none_or(|state| state == &standing.state)
            && filter.is_open.is_none_or(|is_open| is_open == standing.is_open)
            && filter.is_published.is_none_or(|is_published| is_published == standing.is_published)
            && filter.due_before.is_none_or(|before| standing.due_at.is_some_and(|due| due < before))
            && filter.alarm_by.is_none_or(|by| standing.alarm_at.is_some_and(|at| at <= by))
            && filter
                .worker
                .as_ref()
                .is_none_or(|worker| case.holder.as_ref() == Some(worker) || standing.people.contains(&format!("\n{worker}\n")))
            && (!filter.is_near_border || self.borders.contains_key(&case.id))
            && filter.part_from.is_none_or(|from| standing.part_until >= from)
            && (!filter.is_long || standing.is_long(case.reported_at))
            && filter.department.as_ref().is_none_or(|department| standing.departments.contains(&format!("\n{department}\n")))
    }
}

fn kept(event: CaseEvent) -> CaseEvent {
    CaseEvent { at: to_milliseconds(event.at), ..event }
}
