//! Tags of functions.

use aws::ServiceError;
use json::{Object, ObjectBuilder, Value};

use super::address::Address;
use super::{Lambda, function, invalid};
use crate::{Answer, Call};

/// Lambda guide, "Tags".
pub(super) const TAGS_MAX: usize = 50;
const KEY_CHARACTERS_MAX: usize = 128;
const VALUE_CHARACTERS_MAX: usize = 256;

type Tags = Vec<(String, String)>;

/// The tags of a request.
pub(super) fn of(call: &Call) -> Result<Tags, ServiceError> {
    let given = call.object("Tags").into_iter().flat_map(Object::iter);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    check(
        given
            .map(|(key, value)| (key.to_owned(), text(value)))
            .collect(),
    )
}

fn check(tags: Tags) -> Result<Tags, ServiceError> {
    if tags.len() > TAGS_MAX {
        return Err(invalid("Number of tags exceeds resource tag limit."));
    }
    let fits = |(key, value): &(String, String)| {
        (1..=KEY_CHARACTERS_MAX).contains(&key.chars().count())
            && value.chars().count() <= VALUE_CHARACTERS_MAX
    };
    if !tags.iter().all(fits) {
        return Err(invalid(format!(
            "The key of a tag has 1 to {KEY_CHARACTERS_MAX} characters, its value at most \
             {VALUE_CHARACTERS_MAX}."
        )));
    }
    Ok(tags)
}

pub(super) fn shown(tags: &Tags) -> Object {
    tags.iter()
        .map(|(key, value)| (key.as_str(), Value::from(value.as_str())))
        .collect()
}

/// The function that `Resource`, an unqualified ARN, names.
fn address(call: &Call) -> Result<Address, ServiceError> {
    let address = Address::parse(call.required("Resource")?, call)?;
    if address.qualifier.is_some() {
        return Err(invalid(
            "Tags on function aliases and versions are not supported. Please specify a function \
             ARN.",
        ));
    }
    Ok(address)
}

impl Lambda {
    pub(super) async fn list_tags(&self, call: &Call) -> Result<Answer, ServiceError> {
        let function = self.resolve(&address(call)?).await?.function;
        Ok(ObjectBuilder::new()
            .add("Tags", shown(&function.tags))
            .into())
    }

    pub(super) async fn tag_resource(&self, call: &Call) -> Result<Answer, ServiceError> {
        let more = of(call)?;
        if more.is_empty() {
            return Err(invalid(
                "An error occurred and the request cannot be processed.",
            ));
        }
        self.change_tags(call, move |current| {
            let mut tags = current.clone();
            tags.retain(|(key, _)| !more.iter().any(|(other, _)| other == key));
            tags.extend(more.iter().cloned());
            *current = check(tags)?;
            Ok(())
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn untag_resource(&self, call: &Call) -> Result<Answer, ServiceError> {
        let keys = call.list("TagKeys").to_vec();
        self.change_tags(call, move |tags| {
            tags.retain(|(key, _)| !keys.iter().any(|k| k.as_str() == Some(key)));
            Ok(())
        })
        .await?;
        Ok(Answer::empty())
    }

    async fn change_tags(
        &self,
        call: &Call,
        mut change: impl FnMut(&mut Tags) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<(), ServiceError> {
        let address = address(call)?;
        let at = address.clone();
        self.alone(&address, move |store| {
            function::change(store, &at, |function| change(&mut function.tags))
        })
        .await
    }
}
