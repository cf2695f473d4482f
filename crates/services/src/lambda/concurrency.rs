//! How many invocations of a function may run at once: what it has reserved of the account's.

use aws::ServiceError;
use json::{Object, ObjectBuilder};
use store::{Kind, Store};

use super::address::{Address, LATEST};
use super::function::{self, Function, MAIN_VERSION};
use super::{Lambda, invalid, not_found};
use crate::documents::{self, Error};
use crate::{Answer, Call};

/// Invocations of all functions of an account and Region at once (Lambda quotas).
pub(super) const ACCOUNT_CONCURRENCY: u32 = 1_000;
/// How many of them no function may reserve (Lambda guide, "Reserved concurrency").
const UNRESERVED_MIN: u32 = 100;

/// Functions read at once.
const PAGE: usize = 100;

impl Lambda {
    pub(super) async fn put_function_concurrency(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of_function(call)?;
        let asked = call
            .integer("ReservedConcurrentExecutions")
            .and_then(|asked| u32::try_from(asked).ok())
            .unwrap_or(ACCOUNT_CONCURRENCY);
        if self.find(&address, MAIN_VERSION).await?.is_none() {
            // Recorded: here the text names $LATEST.
            return Err(not_found(&address.arn_of(LATEST)));
        }
        // Alone in the account, so that two functions never reserve the same.
        let account = format!("{}/{}/", address.account, address.region);
        self.documents
            .alone(&account, move |store, account| {
                Ok(reserve(store, account, &address, asked))
            })
            .await??;
        Ok(shown(asked).into())
    }

    pub(super) async fn get_function_concurrency(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of_function(call)?;
        let function = self.resolve(&address).await?.function;
        Ok(match function.reserved_concurrency {
            Some(reserved) => shown(reserved).into(),
            None => Answer::empty(),
        })
    }

    pub(super) async fn delete_function_concurrency(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of_function(call)?;
        let at = address.clone();
        self.alone(&address, move |store| {
            function::change(store, &at, |function| {
                function.reserved_concurrency = None;
                Ok(())
            })
        })
        .await?;
        Ok(Answer::empty())
    }
}

fn reserve(
    store: &dyn Store,
    account: &str,
    address: &Address,
    asked: u32,
) -> Result<(), ServiceError> {
    let others = reserved_in(store, account, Some(&address.key()))?;
    if others.saturating_add(asked) > ACCOUNT_CONCURRENCY - UNRESERVED_MIN {
        return Err(invalid(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's \
             UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MIN}]."
        )));
    }
    function::change(store, address, |function| {
        function.reserved_concurrency = Some(asked);
        Ok(())
    })
}

/// What the functions of an account and Region, but for one, have reserved together.
pub(super) fn reserved_in(
    store: &dyn Store,
    prefix: &str,
    except: Option<&str>,
) -> Result<u32, Error> {
    let (mut sum, mut after) = (0_u32, None::<String>);
    loop {
        let page =
            documents::list::<Function>(store, Kind::Function, prefix, after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else {
            return Ok(sum);
        };
        after = Some(last.clone());
        sum = page
            .iter()
            .filter(|(key, _)| except != Some(key))
            .filter_map(|(_, function)| function.reserved_concurrency)
            .fold(sum, u32::saturating_add);
    }
}

/// The structure `Concurrency`.
pub(super) fn shown(reserved: u32) -> Object {
    ObjectBuilder::new()
        .add("ReservedConcurrentExecutions", i64::from(reserved))
        .build()
}
