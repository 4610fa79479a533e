use serde::Serialize;
use utoipa::ToSchema;

use crate::history::MeasuredPair;
use crate::plan::{Against, Compactness, Evenness, Measures};

/// What is shown of every plan: how even, how compact, how whole, and how far from today's.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeasuresView {
    pub units: usize,
    pub districts: usize,
    pub load: f64,
    /// Against the mean of each district's own community.
    pub balance: EvennessView,
    /// Against the mean of all districts.
    pub city_balance: EvennessView,
    pub communities: Vec<CommunityView>,
    pub compactness: CompactnessView,
    pub cut_edges: usize,
    pub border_m: f64,
    pub torn: usize,
    pub stray_pieces: usize,
    pub holes: usize,
    pub unassigned: usize,
    pub parent_crossings: usize,
    pub locked: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<AgainstView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_district: Vec<DistrictView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvennessView {
    pub mean: f64,
    pub min: f64,
    pub max: f64,
    pub imbalance_max: f64,
    pub within_5: f64,
    pub within_10: f64,
    pub max_over_min: Option<f64>,
    pub coefficient_of_variation: f64,
    pub gini: f64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommunityView {
    pub code: String,
    pub load: f64,
    pub districts: usize,
    pub load_per_district: f64,
    pub share_of_mean: f64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CompactnessView {
    pub polsby_popper: f64,
    pub reock: f64,
    pub hull_ratio: f64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgainstView {
    pub units: usize,
    pub load: f64,
    pub load_share: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residents: Option<f64>,
    pub workers: usize,
    pub area_m2: f64,
    pub locked: usize,
    pub variation_of_information: f64,
    pub bound: Option<f64>,
    pub over_bound: Option<f64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DistrictView {
    pub district: String,
    pub community: String,
    pub units: usize,
    pub load: f64,
    pub target: f64,
    /// The load over what it should be.
    pub share_of_target: f64,
    pub area_m2: f64,
    pub perimeter_m: f64,
    pub pieces: usize,
    pub holes: usize,
    #[serde(flatten)]
    pub compactness: CompactnessView,
}

/// Two generations as plans.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PairView {
    pub level: String,
    pub district_level: String,
    /// What is told of, `FIELD:WEIGHT`.
    pub load: Vec<String>,
    pub from: MeasuresView,
    /// With what changes hands, in `moved`.
    pub to: MeasuresView,
}

impl PairView {
    pub fn new(pair: &MeasuredPair) -> Self {
        let of = |side: usize, measures: &Measures| {
            let community = |at: u32| pair.communities[side].get(at as usize).map_or("", String::as_str);
            MeasuresView::new(measures, community, |at| pair.districts.get(at as usize).map_or("", String::as_str))
        };
        Self {
            level: pair.level.to_string(),
            district_level: pair.district_level.to_string(),
            load: pair.loads.iter().map(|load| format!("{}:{}", load.field, load.weight)).collect(),
            from: of(0, &pair.from),
            to: of(1, &pair.to),
        }
    }
}

impl MeasuresView {
    /// Names communities and districts, which are numbers to whoever measured them.
    pub fn new<'a>(measures: &Measures, community: impl Fn(u32) -> &'a str, district: impl Fn(u32) -> &'a str) -> Self {
        let communities = measures.by_community.iter().map(|load| CommunityView {
            code: community(load.community).to_owned(),
            load: load.load,
            districts: load.districts,
            load_per_district: load.load_per_district,
            share_of_mean: load.share_of_mean,
        });
        let by_district = measures.by_district.iter().map(|measures| DistrictView {
            district: district(measures.district).to_owned(),
            community: community(measures.community).to_owned(),
            units: measures.units,
            load: measures.load,
            target: measures.target,
            share_of_target: if measures.target > 0.0 { measures.load / measures.target } else { 1.0 },
            area_m2: measures.compactness.area_m2,
            perimeter_m: measures.compactness.perimeter_m,
            pieces: measures.pieces,
            holes: measures.holes,
            compactness: measures.compactness.into(),
        });
        Self {
            units: measures.units,
            districts: measures.districts,
            load: measures.load,
            balance: measures.evenness.into(),
            city_balance: measures.city_evenness.into(),
            communities: communities.collect(),
            compactness: CompactnessView { polsby_popper: measures.polsby_popper, reock: measures.reock, hull_ratio: measures.hull_ratio },
            cut_edges: measures.cut_edges,
            border_m: measures.border_m,
            torn: measures.torn,
            stray_pieces: measures.stray_pieces,
            holes: measures.holes,
            unassigned: measures.unassigned,
            parent_crossings: measures.parent_crossings,
            locked: measures.locked,
            moved: measures.against.map(AgainstView::from),
            by_district: by_district.collect(),
        }
    }
}

impl From<Evenness> for EvennessView {
    fn from(evenness: Evenness) -> Self {
        let Evenness { mean, min, max, imbalance_max, within_5, within_10, max_over_min, variation, gini } = evenness;
        Self { mean, min, max, imbalance_max, within_5, within_10, max_over_min, coefficient_of_variation: variation, gini }
    }
}

impl From<Compactness> for CompactnessView {
    fn from(compactness: Compactness) -> Self {
        Self { polsby_popper: compactness.polsby_popper, reock: compactness.reock, hull_ratio: compactness.hull_ratio }
    }
}

impl From<Against> for AgainstView {
    fn from(against: Against) -> Self {
        let Against { units, load, load_share, residents, area_m2, districts, locked, variation_of_information, bound, over_bound } =
            against;
        Self { units, load, load_share, residents, workers: districts, area_m2, locked, variation_of_information, bound, over_bound }
    }
}
