use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::plan::{EvennessView, MeasuresView};
use crate::plan::{Base, Bounds, CommunityPlan, Explained, Finding, Limit, Mode, Proposal, Why};

/// A plan with all that is told of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BalanceView {
    /// `warm` or `redraw`.
    pub mode: &'static str,
    pub seed: u64,
    pub tolerance: f64,
    pub seconds: f64,
    /// Whether the work came to its end and was not stopped on the way.
    pub finished: bool,
    pub notes: Vec<String>,
    pub metrics: MeasuresView,
    /// Today's plan by the same figures.
    pub today: Option<MeasuresView>,
    /// How even each load came out by itself.
    pub variables: Vec<VariableView>,
    pub findings: Vec<FindingView>,
    pub changes: Vec<ChangeView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VariableView {
    pub name: String,
    pub weight: f64,
    pub balance: EvennessView,
}

/// What stands, or stood, in the way of a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FindingView {
    pub community: String,
    /// See docs/planning.md.
    pub kind: &'static str,
    /// Whether a stated bound is not met.
    pub failure: bool,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub district: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
    /// How many pieces, or districts that would suit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// The least and the most that a district of the community may carry.
    pub bounds: [f64; 2],
    /// What is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figure: Option<String>,
    /// `heavy_unit`, `no_room`, `limit`, `locked`, `no_way` or `stopped`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
}

/// Units that go from one district to another.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// Null where the units were in no district.
    pub from: Option<String>,
    pub to: Option<String>,
    pub units: Vec<String>,
    pub load: f64,
    /// The load of each district over what it should carry, before and after.
    pub from_share: [f64; 2],
    pub to_share: [f64; 2],
    pub text: String,
}

/// What a community will have, before anything is moved.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ForecastView {
    pub communities: Vec<CommunityForecastView>,
    pub findings: Vec<FindingView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommunityForecastView {
    pub code: String,
    pub load: f64,
    pub districts: u32,
    /// The least and the most that each of them may carry.
    pub bounds: [f64; 2],
}

impl BalanceView {
    pub fn new(made: &Proposal, base: &Base, took: Duration) -> Self {
        let view = |measures| MeasuresView::new(measures, |community| base.community_name(community), |district| made.name(district));
        let variables = made.by_variable(base).into_iter();
        Self {
            mode: if made.mode == Mode::Warm { "warm" } else { "redraw" },
            seed: made.seed,
            tolerance: made.tolerance,
            seconds: took.as_secs_f64(),
            finished: made.plan.is_finished,
            notes: base.notes.clone(),
            metrics: view(&made.measures),
            today: made.today.as_ref().map(view),
            variables: variables
                .map(|known| VariableView { name: known.name.to_owned(), weight: known.weight, balance: known.evenness.into() })
                .collect(),
            findings: findings(&made.plan.communities, base, |district| made.name(district)),
            changes: made.changes.iter().map(|change| ChangeView::new(change, made, base)).collect(),
        }
    }
}

impl ForecastView {
    pub fn new(communities: &[CommunityPlan], base: &Base) -> Self {
        let forecast = |(at, community): (u32, &CommunityPlan)| CommunityForecastView {
            code: base.community_name(at).to_owned(),
            load: community.load,
            districts: community.districts,
            bounds: [community.bounds.low, community.bounds.high],
        };
        let name = |district: u32| base.today.names.get(district as usize).map_or("", String::as_str);
        Self { communities: (0u32..).zip(communities).map(forecast).collect(), findings: findings(communities, base, name) }
    }
}

fn findings<'a>(communities: &[CommunityPlan], base: &Base, name: impl Fn(u32) -> &'a str + Copy) -> Vec<FindingView> {
    let of_community = |(at, community): (u32, &CommunityPlan)| -> Vec<FindingView> {
        let view = |finding| FindingView::new(finding, community.bounds, base.community_name(at), base, name);
        community.findings.iter().map(view).collect()
    };
    (0u32..).zip(communities).flat_map(of_community).collect()
}

impl FindingView {
    fn new<'a>(finding: &Finding, bounds: Bounds, community: &str, base: &Base, name: impl Fn(u32) -> &'a str) -> Self {
        let mut view = Self {
            community: community.to_owned(),
            kind: finding.kind(),
            failure: finding.is_failure(),
            text: finding.sentence(bounds, base, &name),
            unit: None,
            district: None,
            load: None,
            count: None,
            bounds: [bounds.low, bounds.high],
            figure: None,
            why: None,
        };
        match finding {
            Finding::TooHeavy { unit, load } => {
                (view.unit, view.load) = (Some(base.codes[*unit as usize].to_string()), Some(*load));
            }
            Finding::OffTheMean { suitable, .. } => view.count = Some(*suitable as usize),
            Finding::OverLimit { limit, mean } => {
                (view.figure, view.load) = (Some(base.limits[*limit].name.clone()), Some(*mean));
                view.bounds = [base.limits[*limit].least, base.limits[*limit].most];
            }
            Finding::UnderLimit { limit, mean } => {
                (view.figure, view.load) = (Some(base.limits[*limit].name.clone()), Some(*mean));
                let Limit { least, most, .. } = base.limits[*limit];
                // JSON has no infinity, and no district has more than all.
                view.bounds = [least, if most.is_finite() { most } else { base.limits[*limit].values.iter().sum() }];
            }
            Finding::NoRoom { mean } => view.load = Some(*mean),
            Finding::Stuck { load } => view.load = Some(*load),
            Finding::InPieces { pieces } | Finding::TornToday { pieces } | Finding::LockedApart { pieces } => view.count = Some(*pieces),
            Finding::CrossesToday { district } => view.district = Some(name(*district).to_owned()),
            Finding::TooManyLocked { districts: count, .. } | Finding::TooManyPoints { points: count, .. } => {
                view.count = Some(*count as usize);
            }
            Finding::Outside { district, load, why } => {
                (view.district, view.load) = (Some(name(*district).to_owned()), Some(*load));
                view.why = Some(match why {
                    Why::HeavyUnit => "heavy_unit",
                    Why::NoRoom => "no_room",
                    Why::Limit => "limit",
                    Why::Locked => "locked",
                    Why::NoWay => "no_way",
                    Why::Stopped => "stopped",
                });
            }
        }
        view
    }
}

impl ChangeView {
    fn new(explained: &Explained, made: &Proposal, base: &Base) -> Self {
        let Explained { change, from_share, to_share } = explained;
        let name = |district: Option<u32>| district.map(|district| made.name(district).to_owned());
        Self {
            from: name(change.from),
            to: name(change.to),
            units: change.units.iter().map(|unit| base.codes[*unit as usize].to_string()).collect(),
            load: change.load,
            from_share: *from_share,
            to_share: *to_share,
            text: explained.sentence(|district| made.name(district)),
        }
    }
}
