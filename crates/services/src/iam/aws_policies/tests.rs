use super::*;
use aws::iam::{Policy, Purpose};

/// Every line is read, in order, and every document is one that is understood.
#[test]
fn all_are_sound() {
    assert_eq!(LINES.len(), TEXT.lines().count());
    assert!(LINES.is_sorted_by(|a, b| a.head.name < b.head.name));
    let mut problems = Vec::new();
    for policy in all() {
        assert_eq!(
            find(&policy.arn).map(|found| found.id),
            Some(policy.id.clone())
        );
        assert!(
            policy.id.len() == 21 && policy.id.starts_with("ANPA"),
            "{}",
            policy.id
        );
        assert!(policy.created_ms > 1_000_000_000_000, "{}", policy.name);
        let document = policy.default_document().unwrap();
        if let Err(error) = Policy::parse(document, Purpose::Identity) {
            problems.push(format!("{}: {error}", policy.name));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Those that deploy tools and users of Step Functions attach.
#[test]
fn the_usual_ones_are_there() {
    for path in [
        "AdministratorAccess",
        "AWSLambda_FullAccess",
        "AWSStepFunctionsFullAccess",
        "AWSXrayWriteOnlyAccess",
        "AmazonCognitoPowerUser",
        "AmazonDynamoDBFullAccess",
        "AmazonKinesisFullAccess",
        "AmazonS3FullAccess",
        "AmazonS3ReadOnlyAccess",
        "AmazonSQSFullAccess",
        "CloudWatchEventsFullAccess",
        "CloudWatchFullAccessV2",
        "PowerUserAccess",
        "ReadOnlyAccess",
        "job-function/ViewOnlyAccess",
        "service-role/AWSLambdaBasicExecutionRole",
        "service-role/AWSLambdaRole",
        "service-role/AWSLambdaVPCAccessExecutionRole",
    ] {
        let arn = format!("arn:aws:iam::aws:policy/{path}");
        assert!(find(&arn).is_some(), "{arn}");
    }
    assert!(
        find("arn:aws:iam::aws:policy/AWSLambdaRole").is_none(),
        "has a path"
    );
}
