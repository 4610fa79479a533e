use std::io;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

use super::ask::{Asker, Options};
use super::form::{ArrayForm, CsvForm, Desk, FeatureForm, Form, LineForm, Members};
use super::quick::Quick;
use super::split::Broken;
use crate::api::admit::Permit;
use crate::api::caller::Caller;
use crate::api::links::BaseUrl;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::api::wire::LocateAnswer;

/// How long a piece of a body may take to be answered, so that other requests get their turn: the next is half as large where one took
/// longer, and twice as large where one took less than a quarter of it.
const PIECE_TIME_MAX: Duration = Duration::from_millis(2);

/// Fewest and most bytes of a piece, and of the first: a few records with long answers, some thousand that are answered at once.
const PIECE_BYTES: RangeInclusive<usize> = 1 << 10..=128 << 10;
const PIECE_BYTES_FIRST: usize = 16 << 10;

/// Answered pieces that may wait until they are sent: one that is being sent and one that is ready. With the piece that is being answered
/// they are all that a reader who does not read holds of the service's memory.
const PIECES_WAITING_MAX: usize = 2;

/// How long the next bytes of a body may take to come before the request is given up. Seconds.
const BODY_IDLE_S: u64 = 60;

/// How long an answer may wait for a reader who takes nothing, before the request is given up and makes room for another. Seconds.
const READER_IDLE_S: u64 = 60;

/// Types of bodies, with the type of the answer.
const TYPES: [(&str, &str); 6] = [
    ("application/json", "application/json"),
    ("application/x-ndjson", "application/x-ndjson"),
    ("application/ndjson", "application/ndjson"),
    ("application/jsonl", "application/jsonl"),
    ("text/csv", "text/csv; charset=utf-8; header=present"),
    ("application/geo+json", "application/geo+json"),
];

/// Which grids many positions lie in, and who answers for them.
///
/// A JSON array, NDJSON, CSV or GeoJSON of points; the answer is of the same type, in the same order, and begins before
/// the body has ended. There is no limit to the number of records, only to the size of each. A record that cannot be
/// answered gives an element with `status` `invalid` and an `error`. Records may carry `crs`, `layer`, `level`, `at`,
/// `generation`, `accuracy_m` and `category` of their own; the parameters hold for those that do not. Read while you send: a client
/// that does not read the answer is not read from either.
#[utoipa::path(
    post,
    operation_id = "locate_points",
    path = "/v1/locate",
    tag = "lookup",
    params(Options),
    security((), ("key" = [])),
    request_body(description = "The records, each with `lon` and `lat`", content(
        (Vec<serde_json::Value> = "application/json"),
        (String = "application/x-ndjson"),
        (String = "text/csv"),
        (serde_json::Value = "application/geo+json"),
    )),
    responses(
        (status = 200, description = "The answers, in the order of the records", content(
            (Vec<LocateAnswer> = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/csv"),
            (serde_json::Value = "application/geo+json"),
        )),
        (status = 415, description = "The body is of another type", body = crate::api::problem::Document, content_type = "application/problem+json"),
    )
)]
pub async fn locate_points(
    State(state): State<AppState>,
    Query(options): Query<Options>,
    caller: Caller,
    base: BaseUrl,
    permit: Option<Extension<Permit>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (media, answer_media) = read_media(&headers)?;
    let record_bytes_max = state.config().http.record_bytes_max;
    let fields = options.fields.clone();
    let (form, members, quick): (Box<dyn Form>, _, _) = if media == "text/csv" {
        let form = CsvForm::new(record_bytes_max, fields.as_deref())?;
        let quick = form.quick();
        (Box::new(form), Members::default(), quick)
    } else {
        let members = Members::parse(fields.as_deref())?;
        let quick = Quick::new(members.names()).map(Quick::in_order_of_members);
        match media {
            // Features carry all that was given, and are read whole.
            "application/geo+json" => (Box::new(FeatureForm::new(record_bytes_max)), members, None),
            "application/json" => (Box::new(ArrayForm::new(record_bytes_max)), members, quick),
            _ => (Box::new(LineForm::new(record_bytes_max)), members, quick),
        }
    };
    let desk = Desk::new(Asker::new(&state, caller, options).await?, base, members, quick);
    let permit = permit.map(|p| p.0);
    let mut talk = Talk {
        form,
        desk,
        body: body.into_data_stream(),
        piece: Bytes::new(),
        piece_bytes: PIECE_BYTES_FIRST,
        is_ended: false,
        _permit: permit,
    };
    let first = talk.begin().await?;
    let mut response = Response::new(Body::from_stream(talk.into_stream(first)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer_media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    Ok(response)
}

fn read_media(headers: &HeaderMap) -> Result<(&'static str, &'static str), Problem> {
    let known: Vec<_> = TYPES.iter().map(|(media, _)| *media).collect();
    let refused = |given: &str| {
        Problem::new(ProblemKind::UnsupportedMediaType, format!("{given}; send UTF-8 without compression as {}", known.join(", ")))
    };
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(refused("the body is compressed"));
    }
    let Some(given) = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()) else {
        return Err(refused("the body has no Content-Type"));
    };
    let mut parts = given.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media = parts.next().unwrap_or_default();
    let is_utf8 = parts.filter_map(|part| part.strip_prefix("charset=").map(|set| set.trim_matches('"') == "utf-8")).all(|is_utf8| is_utf8);
    TYPES.iter().find(|(known, _)| is_utf8 && *known == media).copied().ok_or_else(|| refused(&format!("the body is {given}")))
}

/// A body that is being answered. It is read only as fast as its answer is taken.
struct Talk {
    form: Box<dyn Form>,
    desk: Desk,
    body: BodyDataStream,
    /// What has come and is not answered yet.
    piece: Bytes,
    /// How many bytes are answered in one go.
    piece_bytes: usize,
    is_ended: bool,
    /// Keeps the request among those that are worked on until all is answered, or nobody takes the answer.
    _permit: Option<Permit>,
}

/// What goes from the task that answers to the connection that sends.
enum Part {
    Piece(Bytes),
    /// The answer is whole.
    End,
    Failed(io::Error),
}

impl Talk {
    /// Reads until the form of the body is sure, so that a body of another form is a problem and no half answer.
    async fn begin(&mut self) -> Result<Vec<u8>, Problem> {
        let mut out = Vec::new();
        while !self.is_ended && !self.form.is_begun() {
            let result = match self.next_piece().await.map_err(|e| Problem::new(ProblemKind::InvalidBody, e.to_string()))? {
                Some(piece) => self.form.push(&piece, &mut self.desk, &mut out),
                None => self.form.finish(&mut self.desk, &mut out),
            };
            match result {
                Ok(()) => {}
                Err(broken) if self.form.is_begun() => self.give_up(&broken, &mut out),
                Err(broken) => return Err(Problem::new(ProblemKind::InvalidBody, broken.to_string())),
            }
        }
        Ok(out)
    }

    /// Answers on a task of its own, so that one piece is answered while another is sent and the next is received.
    fn into_stream(self, first: Vec<u8>) -> impl Stream<Item = io::Result<Bytes>> {
        let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
        tokio::spawn(self.answer(sender));
        let first = stream::iter((!first.is_empty()).then(|| Ok(Bytes::from(first))));
        first.chain(stream::try_unfold(receiver, |mut receiver| async move {
            match receiver.recv().await {
                Some(Part::Piece(bytes)) => Ok(Some((bytes, receiver))),
                Some(Part::End) => Ok(None),
                Some(Part::Failed(error)) => Err(error),
                // What is cut short must not look whole.
                None => Err(io::Error::other("the answer broke off")),
            }
        }))
    }

    /// Answers piece after piece until the body ends, or nobody is there any more to take the answer.
    async fn answer(mut self, sender: mpsc::Sender<Part>) {
        loop {
            // Both sides of a connection mostly end together; where only the reader has gone, the sender is not waited for.
            let step = tokio::select! {
                biased;
                () = sender.closed() => return,
                step = self.step() => step,
            };
            let (part, is_last) = match step {
                Ok(Some(bytes)) => (Part::Piece(bytes), false),
                Ok(None) => (Part::End, true),
                Err(error) => (Part::Failed(error), true),
            };
            let sent = sender.send_timeout(part, Duration::from_secs(READER_IDLE_S)).await;
            if sent.is_err() || is_last {
                return;
            }
        }
    }

    /// Answers the next piece of the body; none after the last.
    async fn step(&mut self) -> io::Result<Option<Bytes>> {
        let mut out = Vec::new();
        while out.is_empty() && !self.is_ended {
            let piece = self.next_piece().await?;
            let start = Instant::now();
            let result = match piece {
                Some(piece) => self.form.push(&piece, &mut self.desk, &mut out),
                None => self.form.finish(&mut self.desk, &mut out),
            };
            if let Err(broken) = result {
                self.give_up(&broken, &mut out);
            }
            self.piece_bytes = next_piece_bytes(self.piece_bytes, start.elapsed());
            // Where bytes come as fast as they are answered, nothing else would make way for others.
            tokio::task::yield_now().await;
        }
        Ok((!out.is_empty()).then(|| out.into()))
    }

    fn give_up(&mut self, broken: &Broken, out: &mut Vec<u8>) {
        self.form.give_up(broken, out);
        self.is_ended = true;
    }

    /// Returns the next bytes to answer, a bounded number of them; none at the end of the body.
    async fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        while self.piece.is_empty() {
            let next = tokio::time::timeout(Duration::from_secs(BODY_IDLE_S), self.body.next()).await;
            match next.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the body has stopped coming"))? {
                Some(Ok(bytes)) => self.piece = bytes,
                Some(Err(error)) => return Err(io::Error::new(io::ErrorKind::ConnectionAborted, error)),
                None => {
                    self.is_ended = true;
                    return Ok(None);
                }
            }
        }
        let length = self.piece.len().min(self.piece_bytes);
        Ok(Some(self.piece.split_to(length)))
    }
}

fn next_piece_bytes(bytes: usize, took: Duration) -> usize {
    let wanted = match took {
        took if took > PIECE_TIME_MAX => bytes / 2,
        took if took < PIECE_TIME_MAX / 4 => bytes * 2,
        _ => bytes,
    };
    wanted.clamp(*PIECE_BYTES.start(), *PIECE_BYTES.end())
}
