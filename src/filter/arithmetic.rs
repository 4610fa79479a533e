use super::syntax::Operator;
use super::value::Value;

/// Reckons with two values; null where one is no number, or the result is none: a division by zero, an overflow.
///
/// Whole numbers stay whole as long as the result is; `/` gives what is exact, `div` the whole part of it.
pub(super) fn reckon(operator: Operator, left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    if let (Value::Integer(a), Value::Integer(b)) = (left, right) {
        let whole = match operator {
            Operator::Add => a.checked_add(*b),
            Operator::Subtract => a.checked_sub(*b),
            Operator::Multiply => a.checked_mul(*b),
            Operator::Modulo => a.checked_rem(*b),
            Operator::WholeDivide => a.checked_div(*b),
            Operator::Divide => (a.checked_rem(*b) == Some(0)).then(|| a / b),
            Operator::Power => u32::try_from(*b).ok().and_then(|b| a.checked_pow(b)),
        };
        if let Some(whole) = whole {
            return Value::Integer(whole);
        }
    }
    let (Some(a), Some(b)) = (to_float(left), to_float(right)) else { return Value::Null };
    let number = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::Modulo => a % b,
        Operator::WholeDivide => (a / b).trunc(),
        Operator::Power => a.powf(b),
    };
    if number.is_finite() { Value::Number(number) } else { Value::Null }
}

pub(super) fn negate(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Integer(number) => number.checked_neg().map_or(Value::Null, Value::Integer),
        Value::Number(number) => Value::Number(-number),
        _ => Value::Null,
    }
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 a result is as exact as a float is")]
fn to_float(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}
