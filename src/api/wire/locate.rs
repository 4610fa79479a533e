use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::rules::{DepartmentView, RuleView};
use crate::boundary::{Layer, Unit, UnitId};
use crate::dispatch::Holder;
use crate::index::Neighbour;
use crate::snapshot::Answer;

/// What is at a position and who answers for it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LocateAnswer<'a> {
    /// `inside`, `outside`, `gap` (surrounded by the level, or in a coarser unit) or `overlap` (accepted at the import).
    pub status: &'static str,
    /// Longitude and latitude, WGS 84.
    pub position: PositionView,
    pub layer: &'a str,
    pub generation: u32,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// When the answer may change next: a shift, an assignment or a generation; null where nothing is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
    /// The unit that owns the position.
    pub grid: Option<GridView<'a>>,
    /// The units that hold the position, coarse to fine.
    pub path: Vec<PathView<'a>>,
    /// Who answers now; null outside, and where nobody holds the unit or any ancestor.
    pub responsible: Option<ResponsibleView<'a>>,
    /// Whether units hold the position and nobody answers for any of them.
    pub vacant: bool,
    /// Given with a category: who is told of it, the lead first; empty where no rule says who, null until categories are loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<DepartmentView>>)]
    pub departments: Option<Option<Vec<DepartmentView>>>,
    /// Given with a category: when the departments are to be done; null where there is no department or no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Option<Timestamp>>,
    /// Given with a category, once categories are loaded: by which rules this is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleView>,
    /// Metres along the ellipsoid to the nearest border of the unit.
    pub distance_to_border_m: Option<f64>,
    /// Whether the border is nearer than the position's accuracy or the configured distance of doubt.
    pub ambiguous: bool,
    /// The other units that near, nearest first.
    pub alternatives: Vec<AlternativeView<'a>>,
    /// The nearest unit where none owns the position.
    pub nearest: Option<AlternativeView<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct PositionView {
    pub lon: f64,
    pub lat: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GridView<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    pub id: UnitId,
    pub code: &'a str,
    pub name: &'a str,
    #[schema(value_type = String, format = DateTime)]
    pub valid_from: Timestamp,
    /// The unit as a feature.
    pub href: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PathView<'a> {
    pub level: &'a str,
    pub code: &'a str,
    pub name: &'a str,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ResponsibleView<'a> {
    #[serde(flatten)]
    pub holder: HolderView<'a>,
    /// Who is asked next, in order.
    pub fallback: Vec<HolderView<'a>>,
}

/// Somebody who answers. The worker is shown to callers whose key reaches the unit.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HolderView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerView<'a>>,
    /// `primary`, `backup` or `leader`.
    pub post: &'static str,
    /// The code of the unit that the worker holds.
    pub from: &'a str,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WorkerView<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub phone: &'a str,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlternativeView<'a> {
    pub code: &'a str,
    /// Metres along the ellipsoid to the unit.
    pub distance_m: f64,
}

impl<'a> LocateAnswer<'a> {
    /// Puts an answer on the wire. `base` stands before the paths of links, without a slash at its end; names, phones and ids of
    /// workers are left out unless `shows_workers`.
    pub fn new(answer: &Answer<'a>, base: &str, shows_workers: bool) -> Self {
        let located = &answer.located;
        let holder = |holder: &Holder<'a>| HolderView::new(holder, shows_workers);
        let alternative = |neighbour: &Neighbour| AlternativeView::new(answer, neighbour);
        let responsible = answer.duty.as_ref().and_then(|duty| {
            let fallback = duty.fallback.iter().map(holder).collect();
            duty.holder.as_ref().map(|first| ResponsibleView { holder: holder(first), fallback })
        });
        let ruling = answer.ruling.as_ref();
        // Null rather than absent where nothing is known: the caller asked.
        let asked = answer.category.is_some();
        Self {
            status: located.status.as_str(),
            position: PositionView { lon: answer.position.lon, lat: answer.position.lat },
            layer: answer.layer.layer().name.as_str(),
            generation: answer.layer.generation().id.0,
            at: answer.at,
            expires: answer.expires,
            grid: answer.unit().map(|unit| GridView::new(unit, answer.layer.layer(), base)),
            path: answer.path().map(PathView::new).collect(),
            responsible,
            vacant: answer.is_vacant(),
            departments: asked.then(|| ruling.map(DepartmentView::list)),
            due_at: asked.then(|| ruling.and_then(|ruling| ruling.due.as_ref()).map(|due| due.at)),
            rule: ruling.map(RuleView::new),
            distance_to_border_m: located.distance_to_border_m,
            ambiguous: answer.is_ambiguous,
            alternatives: located.alternatives.iter().map(alternative).collect(),
            nearest: located.nearest.as_ref().map(alternative),
        }
    }
}

impl<'a> GridView<'a> {
    fn new(unit: &'a Unit, layer: &Layer, base: &str) -> Self {
        Self {
            id: unit.id,
            code: unit.code.as_str(),
            name: &unit.name,
            valid_from: unit.validity.from,
            href: format!("{base}/collections/{}/items/{}", layer.collection_id(&unit.level), unit.id),
        }
    }
}

impl<'a> PathView<'a> {
    pub fn new(unit: &'a Unit) -> Self {
        Self { level: unit.level.as_str(), code: unit.code.as_str(), name: &unit.name }
    }
}

impl<'a> HolderView<'a> {
    fn new(holder: &Holder<'a>, shows_worker: bool) -> Self {
        let worker = holder.worker;
        let view = || WorkerView { id: &worker.id.0, name: &worker.name, phone: &worker.phone };
        Self { worker: shows_worker.then(view), post: holder.post.as_str(), from: holder.from.as_str() }
    }
}

impl<'a> AlternativeView<'a> {
    fn new(answer: &Answer<'a>, neighbour: &Neighbour) -> Self {
        Self { code: answer.neighbour(neighbour).code.as_str(), distance_m: neighbour.distance_m }
    }
}

fn as_text<S: Serializer>(id: &UnitId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
