//! What rows have to be, piece by piece, with the values that stand in for it.

use deadpool_postgres::Transaction;
use futures_util::future::try_join;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connection::Failure;
use super::months::Spans;
use super::values::Time;

#[derive(Default)]
pub(super) struct Conditions {
    pub terms: Vec<String>,
    values: Vec<Box<dyn ToSql + Sync>>,
}

impl Conditions {
    /// Begins those of a statement around the one with these, which have its values as well.
    pub(super) fn around(self) -> Self {
        Self { terms: Vec::new(), values: self.values }
    }

    /// Keeps a value and returns what stands for it.
    pub(super) fn value(&mut self, value: impl ToSql + Sync + 'static) -> String {
        self.values.push(Box::new(value));
        format!("${}", self.values.len())
    }

    /// Adds that `column` lies between two times, both inclusive.
    pub(super) fn add_span(&mut self, column: &str, [first, last]: [Time; 2]) {
        let [first, last] = [first, last].map(|at| self.value(at));
        self.terms.push(format!("{column} BETWEEN {first} AND {last}"));
    }

    /// Adds that `column` lies in some months.
    pub(super) fn add_spans(&mut self, column: &str, spans: &Spans) {
        self.terms.push(spans.condition(column, self.values.len() + 1));
        spans.ends().for_each(|end| drop(self.value(end)));
    }

    pub(super) fn sql(&self) -> String {
        if self.terms.is_empty() { String::new() } else { format!("WHERE {}", self.terms.join(" AND ")) }
    }

    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(AsRef::as_ref).collect()
    }

    pub(super) async fn query(&self, tx: &Transaction<'_>, sql: &str) -> Result<Vec<Row>, Failure> {
        Ok(tx.query(&tx.prepare_cached(sql).await?, &self.values()).await?)
    }

    /// Runs what one index finds in each month, whatever the values: it is planned once for each connection, and where times are given,
    /// only the months between are opened.
    pub(super) async fn query_planned_once(&self, tx: &Transaction<'_>, sql: &str) -> Result<Vec<Row>, Failure> {
        let plan = async |plans: &str, scans: &str| {
            let settings = format!("SET LOCAL plan_cache_mode = {plans}; SET LOCAL enable_seqscan = {scans}");
            tx.batch_execute(&settings).await.map_err(Failure::from)
        };
        let ((), found) = try_join(plan("force_generic_plan", "off"), self.query(tx, sql)).await?;
        plan("force_custom_plan", "on").await?;
        Ok(found)
    }
}
