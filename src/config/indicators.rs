//! How cases are judged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What indicators need beside the cases. `[indicators]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndicatorConfig {
    /// Hours after the report within which a case is to be filed; without it on-time filing is not told. Default none.
    pub filing_hours: Option<f64>,
    /// Hours after it was asked for within which a place is to be looked at; without it on-time verification is not told.
    pub verify_hours: Option<f64>,
    /// Words by which a source of reports is known as the office's own; all others are the public's.
    pub office_sources: Vec<String>,
    /// How much each indicator counts in the score, by code.
    pub weights: BTreeMap<String, f64>,
    /// Whether indicators of units and departments are told to callers without a key. Those of persons never are. Default false.
    pub public: bool,
    /// Cases at one place from which on it is told as one where things happen again and again. Default 3.
    pub repeat_cases_min: usize,
    /// The side of the squares among which hot spots are sought, metres. Default 200.
    pub hot_spot_side_m: f64,
}

impl Default for IndicatorConfig {
    fn default() -> Self {
        let words = ["collector", "patrol", "sensor", "video", "采集", "监督员", "网格员", "巡查", "视频", "领导"];
        let weights = [("on_time_handling", 40.0), ("on_time_closing", 30.0), ("rework", 20.0), ("satisfaction", 10.0)];
        Self {
            filing_hours: None,
            verify_hours: None,
            office_sources: words.map(String::from).to_vec(),
            weights: weights.map(|(code, weight)| (code.to_owned(), weight)).into(),
            public: false,
            repeat_cases_min: 3,
            hot_spot_side_m: 200.0,
        }
    }
}

impl IndicatorConfig {
    /// # Errors
    /// Names the setting and what is wrong with it.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let is_time = |hours: &f64| *hours > 0.0 && *hours < 24.0 * 366.0;
        for (setting, hours) in [("indicators.filing_hours", &self.filing_hours), ("indicators.verify_hours", &self.verify_hours)] {
            if let Some(hours) = hours.as_ref().filter(|hours| !is_time(hours)) {
                return Err((setting, format!("{hours} is no number of hours up to a year")));
            }
        }
        if let Some((code, weight)) = self.weights.iter().find(|(_, weight)| !(**weight >= 0.0 && weight.is_finite())) {
            return Err(("indicators.weights", format!("the weight {weight} of {code} is no number from 0")));
        }
        if !(1.0..=100_000.0).contains(&self.hot_spot_side_m) {
            return Err(("indicators.hot_spot_side_m", format!("{} is no length from 1 m to 100 km", self.hot_spot_side_m)));
        }
        Ok(())
    }
}
