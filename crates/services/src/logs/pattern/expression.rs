//! Tests joined by `&&`, `||` and parentheses.

use super::Invalid;
use super::scan::Scan;

/// Parentheses within each other.
const DEPTH_MAX: usize = 32;

#[derive(Clone, Debug)]
pub(super) enum Expression<T> {
    Test(T),
    /// All of them.
    And(Vec<Expression<T>>),
    /// One at least.
    Or(Vec<Expression<T>>),
}

impl<T> Expression<T> {
    /// Reads an expression: `&&` binds closer than `||`. `test` reads one test.
    pub(super) fn parse(
        scan: &mut Scan<'_>,
        test: &mut impl FnMut(&mut Scan<'_>) -> Result<T, Invalid>,
    ) -> Result<Expression<T>, Invalid> {
        Expression::or(scan, test, 0)
    }

    fn or(
        scan: &mut Scan<'_>,
        test: &mut impl FnMut(&mut Scan<'_>) -> Result<T, Invalid>,
        depth: usize,
    ) -> Result<Expression<T>, Invalid> {
        let first = Expression::and(scan, test, depth)?;
        let mut any = vec![first];
        while scan.eat("||") {
            any.push(Expression::and(scan, test, depth)?);
        }
        Ok(Expression::joined(any, Expression::Or))
    }

    fn and(
        scan: &mut Scan<'_>,
        test: &mut impl FnMut(&mut Scan<'_>) -> Result<T, Invalid>,
        depth: usize,
    ) -> Result<Expression<T>, Invalid> {
        let first = Expression::one(scan, test, depth)?;
        let mut all = vec![first];
        while scan.eat("&&") {
            all.push(Expression::one(scan, test, depth)?);
        }
        Ok(Expression::joined(all, Expression::And))
    }

    fn one(
        scan: &mut Scan<'_>,
        test: &mut impl FnMut(&mut Scan<'_>) -> Result<T, Invalid>,
        depth: usize,
    ) -> Result<Expression<T>, Invalid> {
        if !scan.eat("(") {
            return test(scan).map(Expression::Test);
        }
        if depth >= DEPTH_MAX {
            let reason = format!("more than {DEPTH_MAX} parentheses are open");
            return Err(Invalid::new(reason));
        }
        let inner = Expression::or(scan, test, depth + 1)?;
        scan.expect(")")?;
        Ok(inner)
    }

    /// One part stands for itself.
    fn joined(
        mut parts: Vec<Expression<T>>,
        join: fn(Vec<Expression<T>>) -> Expression<T>,
    ) -> Expression<T> {
        match (parts.pop(), parts.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                parts.extend(last);
                join(parts)
            }
        }
    }

    /// Its tests, from left to right.
    pub(super) fn tests(&self) -> Vec<&T> {
        match self {
            Expression::Test(test) => vec![test],
            Expression::And(parts) | Expression::Or(parts) => {
                parts.iter().flat_map(Expression::tests).collect()
            }
        }
    }

    /// Whether it holds, where `holds` says it of a test.
    pub(super) fn holds(&self, holds: &impl Fn(&T) -> bool) -> bool {
        match self {
            Expression::Test(test) => holds(test),
            Expression::And(all) => all.iter().all(|part| part.holds(holds)),
            Expression::Or(any) => any.iter().any(|part| part.holds(holds)),
        }
    }
}
