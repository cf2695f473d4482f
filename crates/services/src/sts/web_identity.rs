//! AssumeRoleWithWebIdentity: a session of a role for whom an identity provider vouches.
//!
//! Nobody signs the call. The token says who asks: first that it is one (`jwt`), then whether its
//! issuer is a provider of the role's account, then whether a key of the provider signed it
//! (`keys`), then whether its claims are right (`claims`), and last whether the role trusts them.

use std::sync::Arc;

use aws::iam::{Principal, Values};
use aws::{Arn, ServiceError, constraint};
use json::{ObjectBuilder, Value};
use outbound::Thumbprint;

use super::assume_role::{self, Asked};
use super::claims::{self, Claims};
use super::jwt::Token;
use super::keys::Provider;
use super::needs;
use super::tags::{self, Tag};
use super::{Sts, validation};
use crate::access::Need;
use crate::iam::directory::ProviderEntry;
use crate::{Answer, Call};

/// Says nothing of whether there is such a role, and which condition failed.
const DENIED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";

impl Sts {
    pub(super) async fn assume_role_with_web_identity(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        if call.text("ProviderId").is_some() {
            return Err(validation(
                "`ProviderId` is for OAuth 2.0 access tokens, which this version of Lockstep does \
                 not take: leave it out and send an OpenID Connect ID token",
            ));
        }
        let arn = call.required("RoleArn")?;
        let role = self.role(arn).await?;
        let token = Token::parse(call.required("WebIdentityToken")?);
        let token = token.map_err(|refused| claims::invalid(refused.to_string()))?;
        let (issuer, provider) = self.provider(&token, arn).await?;
        self.verify(&token, &issuer, &provider, call).await?;
        let claims = Claims::of(&token, &provider.client_ids, call.now)?;
        check_form(call, &claims)?;
        self.check_trust(call, arn, &provider, &claims).await?;
        let role = role.ok_or_else(|| assume_role::denied(DENIED.to_owned()))?;
        let asked = Asked {
            session_name: call.required("RoleSessionName")?.to_owned(),
            seconds: assume_role::seconds(call, &role, false)?,
            policies: self.policies(call)?,
            policy_arns: self.policy_arns(call, &role).await?,
            tags: tags::checked(claims.tags, claims.transitive, Vec::new())?,
            source_identity: claims.source_identity,
            federated_provider: Some(provider.arn.to_string()),
        };
        let mut answer = self.session_of(call, &role, asked)?;
        answer.add("SubjectFromWebIdentityToken", claims.subject);
        answer.add("Provider", issuer);
        answer.add("Audience", claims.audience.join(","));
        Ok(answer.build().into())
    }

    /// The issuer of a token, and the provider of the role's account that it is.
    async fn provider(
        &self,
        token: &Token,
        role_arn: &str,
    ) -> Result<(String, Arc<ProviderEntry>), ServiceError> {
        let issuer = claims::issuer(token)?;
        let account = Arn::parse(role_arn)
            .map(|arn| arn.account)
            .unwrap_or_default();
        let provider = match issuer.starts_with("https://") {
            true => self.identity.directory.provider(&account, issuer).await?,
            false => None,
        };
        let provider = provider.ok_or_else(|| {
            let message = format!("No OpenIDConnect provider found in your account for {issuer}");
            claims::invalid(message)
        })?;
        Ok((issuer.to_owned(), provider))
    }

    /// Whether a key of the provider signed the token.
    async fn verify(
        &self,
        token: &Token,
        issuer: &str,
        provider: &ProviderEntry,
        call: &Call,
    ) -> Result<(), ServiceError> {
        let thumbprints = provider.thumbprints.iter();
        let provider = Provider {
            issuer: issuer.to_owned(),
            thumbprints: thumbprints
                .filter_map(|text| Thumbprint::parse(text))
                .collect(),
        };
        match self.keys.verify(token, &provider, call.now).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(claims::invalid(
                "the token's signature is not that of its identity provider's key",
            )),
            Err(error) => Err(claims::invalid(error.to_string())),
        }
    }

    /// Whether the role's trust policy lets whom the provider vouches for assume it; with tags and
    /// a source identity, whether it lets them set these.
    async fn check_trust(
        &self,
        call: &Call,
        role_arn: &str,
        provider: &ProviderEntry,
        claims: &Claims,
    ) -> Result<(), ServiceError> {
        let principal = Principal::Federated {
            provider: Arc::clone(&provider.arn),
            subject: claims.subject.as_str().into(),
        };
        let mut context = needs::input_keys(call);
        context.extend(claims.keys(&provider.url));
        context.extend(tag_keys(&claims.tags, &claims.transitive));
        if let Some(source_identity) = &claims.source_identity {
            let value = Values::One(source_identity.as_str().into());
            context.push(("sts:SourceIdentity".into(), value));
        }
        let is_tagged = !claims.tags.is_empty() || !claims.transitive.is_empty();
        for (action, is_needed) in [
            ("sts:AssumeRoleWithWebIdentity", true),
            ("sts:TagSession", is_tagged),
            ("sts:SetSourceIdentity", claims.source_identity.is_some()),
        ] {
            if is_needed {
                let need = Need {
                    context: context.clone(),
                    ..Need::new(action, role_arn)
                };
                let access = &self.identity.access;
                access.trusts(call, &principal, &need, DENIED).await?;
            }
        }
        Ok(())
    }
}

/// Whether the tags and the source identity of a token are such as AssumeRole would take.
fn check_form(call: &Call, claims: &Claims) -> Result<(), ServiceError> {
    let Ok(model) = aws::Service::Sts.model() else {
        return Ok(());
    };
    let shape = model
        .operation("AssumeRole")
        .and_then(|operation| operation.input);
    let tag = |(key, value): &Tag| {
        let mut tag = ObjectBuilder::new();
        tag.add("Key", key.as_str()).add("Value", value.as_str());
        Value::from(tag.build())
    };
    let mut input = ObjectBuilder::new();
    for member in ["RoleArn", "RoleSessionName"] {
        input.add(member, call.required(member)?);
    }
    input.add("Tags", claims.tags.iter().map(tag).collect::<Value>());
    let transitive = claims.transitive.iter().map(|key| key.as_str().into());
    input.add("TransitiveTagKeys", transitive.collect::<Value>());
    if let Some(source_identity) = &claims.source_identity {
        input.add("SourceIdentity", source_identity.as_str());
    }
    let input = Value::from(input.build());
    let violations = shape.map(|shape| constraint::check(model, shape, &input, false));
    match constraint::message(&violations.unwrap_or_default()) {
        None => Ok(()),
        Some(message) => Err(claims::invalid(message)),
    }
}

fn tag_keys(tags: &[Tag], transitive: &[String]) -> Vec<(Arc<str>, Values)> {
    let transitive = transitive.iter().map(|key| key.as_str().into());
    tags::keys(tags, transitive.collect())
}
