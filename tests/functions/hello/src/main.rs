//! Greets whom the event names; fails, ends and prints if it asks for that.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (event, context) = event.into_parts();
    println!("greeting {}", event["name"]);
    if event["fail"] == true {
        return Err("nobody to greet".into());
    }
    if let Some(code) = event["exit"].as_i64() {
        std::process::exit(i32::try_from(code)?);
    }
    Ok(json!({
        "greeting": format!("Hello {}", event["name"].as_str().unwrap_or("nobody")),
        "request": context.request_id,
        "function": context.invoked_function_arn,
        "memory": context.env_config.memory,
    }))
}
