use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dispatch::{Category, CategoryRow, Due, Limit, Limits, ResponsibilityRow, Responsible, Ruling};

/// A department that is told of a case.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DepartmentView {
    pub id: String,
    pub name: String,
    /// `lead` or `co`.
    pub role: &'static str,
}

/// By which rules departments and due time are what they are.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RuleView {
    pub category: String,
    pub name: String,
    /// What whoever handles a case of it is to have learned; null where anybody may.
    pub skill: Option<String>,
    /// The rule that names the departments; null where none does.
    pub responsibility: Option<RespondingView>,
    /// The limit that gives the due time; null where there is none.
    pub limit: Option<DueView>,
    /// Why there is no department or no due time, in words.
    pub notes: Vec<String>,
}

/// The rule of responsibility that answered: the nearest unit's, and there the narrowest.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RespondingView {
    /// The unit of the rule; null where it holds everywhere.
    pub unit: Option<String>,
    /// The category or major of the rule; null where it holds for all.
    pub category: Option<String>,
    /// `category`, `major` or `any`.
    pub breadth: &'static str,
}

/// The limit that gives a due time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DueView {
    /// The filing condition on which it hangs.
    pub condition: String,
    /// Whether no condition was named and the earliest of several was taken.
    pub assumed: bool,
    /// `handle`, or `total` where handling has no limit of its own.
    pub stage: &'static str,
    /// Such as `2 work_day`; the clocks are `urgent_hour`, `work_hour`, `work_day` and `natural_day`.
    #[schema(example = "2 work_day")]
    pub limit: String,
    /// The zone of the city that the place is of, where one is named.
    pub zone: Option<String>,
    /// The calendar by which work is counted; null where none is loaded and Monday to Friday, 08:00 to 12:00 and 14:00 to 18:00, stand in.
    pub calendar: Option<String>,
}

/// A category that is available at a place, and by whom.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RulingView {
    pub code: String,
    pub name: String,
    pub major: Option<String>,
    pub departments: Vec<DepartmentView>,
    /// When a case that is reported at the time answered for would be due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    pub rule: RuleView,
}

/// A category with the conditions under which a case of it is filed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CategoryView {
    pub code: String,
    pub name: String,
    pub major: Option<String>,
    pub major_name: String,
    /// Whether only callers with a key see it.
    pub private: bool,
    /// What whoever handles a case of it is to have learned; null where anybody may.
    pub skill: Option<String>,
    pub conditions: Vec<ConditionView>,
}

/// A condition under which a case is filed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ConditionView {
    pub condition: String,
    pub filing_condition: String,
    pub closing_condition: String,
    /// The zone of the city for which the limits are; null for all that have none of their own.
    pub zone: Option<String>,
    pub limits: LimitsView,
}

/// The limits of the stages; null where there is none.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LimitsView {
    pub dispatch: Option<String>,
    #[schema(example = "2 work_day")]
    pub handle: Option<String>,
    pub check: Option<String>,
    pub total: Option<String>,
}

impl DepartmentView {
    /// Returns the departments of a ruling, the lead first.
    pub fn list(ruling: &Ruling<'_>) -> Vec<Self> {
        let rows = ruling.responsible.iter().flat_map(|responsible| &responsible.departments);
        rows.map(|row| Self::new(row)).collect()
    }

    fn new(row: &ResponsibilityRow) -> Self {
        Self { id: row.department.to_string(), name: row.name.clone(), role: row.role.as_str() }
    }
}

impl RuleView {
    pub fn new(ruling: &Ruling<'_>) -> Self {
        Self {
            category: ruling.category.code.to_string(),
            name: ruling.category.name.clone(),
            skill: ruling.category.skill.clone(),
            responsibility: ruling.responsible.as_ref().map(RespondingView::new),
            limit: ruling.due.as_ref().map(DueView::new),
            notes: ruling.notes.clone(),
        }
    }
}

impl RespondingView {
    fn new(responsible: &Responsible<'_>) -> Self {
        Self {
            unit: responsible.unit.map(ToString::to_string),
            category: responsible.category.map(ToString::to_string),
            breadth: responsible.breadth.as_str(),
        }
    }
}

impl DueView {
    fn new(due: &Due<'_>) -> Self {
        Self {
            condition: due.row.condition.clone(),
            assumed: due.is_assumed,
            stage: due.stage.as_str(),
            limit: due.limit.to_string(),
            zone: due.zone.map(ToString::to_string),
            calendar: due.calendar.map(str::to_owned),
        }
    }
}

impl RulingView {
    pub fn new(ruling: &Ruling<'_>) -> Self {
        Self {
            code: ruling.category.code.to_string(),
            name: ruling.category.name.clone(),
            major: ruling.category.major.as_ref().map(ToString::to_string),
            departments: DepartmentView::list(ruling),
            due_at: ruling.due.as_ref().map(|due| due.at),
            rule: RuleView::new(ruling),
        }
    }
}

impl CategoryView {
    /// Shows a category as it is at `at`; none where no row of it holds then.
    pub fn new(category: &Category, at: Timestamp) -> Option<Self> {
        let first = category.rows_at(at).next()?;
        Some(Self {
            code: category.code.to_string(),
            name: first.name.clone(),
            major: first.major.as_ref().map(ToString::to_string),
            major_name: first.major_name.clone(),
            private: first.is_private,
            skill: first.skill.clone(),
            conditions: category.rows_at(at).map(ConditionView::new).collect(),
        })
    }
}

impl ConditionView {
    fn new(row: &CategoryRow) -> Self {
        let limit = |limit: Option<Limit>| limit.map(|limit| limit.to_string());
        let Limits { dispatch, handle, check, total } = row.limits;
        Self {
            condition: row.condition.clone(),
            filing_condition: row.filing.clone(),
            closing_condition: row.closing.clone(),
            zone: row.zone.as_ref().map(ToString::to_string),
            limits: LimitsView { dispatch: limit(dispatch), handle: limit(handle), check: limit(check), total: limit(total) },
        }
    }
}
