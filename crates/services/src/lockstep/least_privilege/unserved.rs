//! What calls of services need that Lockstep does not serve itself, so that a policy made here
//! holds at AWS as well.
//!
//! Sources: the Step Functions developer guide, "IAM policies for integrated services", and the
//! service authorization reference.

use aws::integrations::{Pattern, SdkService};
use json::{Object, Value};

use super::calls::{Privilege, UNKNOWN};
use super::definition::Parameters;

/// Where a state machine runs.
pub(super) struct Place<'p> {
    pub(super) region: &'p str,
    pub(super) account: &'p str,
    /// Unqualified.
    pub(super) machine_arn: &'p str,
}

/// What an action is done on.
#[derive(Clone, Copy)]
enum On {
    /// What no parameter names.
    All,
    /// An ARN, with `{Member}` for parameters; empty fields are the state machine's own Region and
    /// account. A parameter that is an ARN itself is taken as it is.
    Named(&'static str),
    /// The ARN in the first of these parameters that there is.
    Arn(&'static [&'static str]),
    /// The queue of the parameter `QueueUrl`.
    Queue,
    /// The event buses of the parameter `Entries`.
    Buses,
    /// The rule that brings the end of a job.
    Rule(&'static str),
}

/// An action of an integration, what it needs, and what its `.sync` needs beside that.
struct Row {
    service: &'static str,
    action: &'static str,
    needs: &'static [(&'static str, On)],
    job: &'static [(&'static str, On)],
}

const fn row(
    service: &'static str,
    action: &'static str,
    needs: &'static [(&'static str, On)],
    job: &'static [(&'static str, On)],
) -> Row {
    Row {
        service,
        action,
        needs,
        job,
    }
}

const TABLE: &str = "arn:aws:dynamodb:::table/{TableName}";
const GLUE_JOB: &str = "arn:aws:glue:::job/{JobName}";
const BREW_JOB: &str = "arn:aws:databrew:::job/{Name}";
const PROJECT: &str = "arn:aws:codebuild:::project/{ProjectName}";
const CLUSTER: &str = "arn:aws:elasticmapreduce:::cluster/{ClusterId}";
const EKS_CLUSTER: &str = "arn:aws:eks:::cluster/{Name}";
const EKS_IN_CLUSTER: &str = "arn:aws:eks:::cluster/{ClusterName}";
const TRAINING_RULE: On = On::Rule("SageMakerTrainingJobs");
/// Which roles a job gets stands in places that differ from service to service.
const PASS: (&str, On) = ("iam:PassRole", On::Named("arn:aws:iam:::role/{RoleName}"));

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("athena", "startQueryExecution",
        &[("athena:StartQueryExecution", On::All), ("athena:GetDataCatalog", On::All)],
        &[("athena:GetQueryExecution", On::All), ("athena:StopQueryExecution", On::All)]),
    row("batch", "submitJob",
        &[("batch:SubmitJob", On::Named("arn:aws:batch:::job-definition/{JobDefinition}")),
          ("batch:SubmitJob", On::Named("arn:aws:batch:::job-queue/{JobQueue}"))],
        &[("batch:DescribeJobs", On::All), ("batch:TerminateJob", On::All),
          ("", On::Rule("BatchJobs"))]),
    row("bedrock", "createModelCustomizationJob",
        &[("bedrock:CreateModelCustomizationJob", On::All),
          ("iam:PassRole", On::Arn(&["RoleArn"]))],
        &[("bedrock:GetModelCustomizationJob", On::All),
          ("bedrock:StopModelCustomizationJob", On::All)]),
    row("codebuild", "startBuild", &[("codebuild:StartBuild", On::Named(PROJECT))],
        &[("codebuild:StopBuild", On::Named(PROJECT)),
          ("codebuild:BatchGetBuilds", On::Named(PROJECT)),
          ("", On::Rule("CodeBuildStartBuild"))]),
    row("codebuild", "startBuildBatch", &[("codebuild:StartBuildBatch", On::Named(PROJECT))],
        &[("codebuild:StopBuildBatch", On::Named(PROJECT)),
          ("codebuild:BatchGetBuildBatches", On::Named(PROJECT)),
          ("", On::Rule("CodeBuildStartBuildBatch"))]),
    row("databrew", "startJobRun", &[("databrew:StartJobRun", On::Named(BREW_JOB))],
        &[("databrew:ListJobRuns", On::Named(BREW_JOB)),
          ("databrew:StopJobRun", On::Named(BREW_JOB))]),
    row("dynamodb", "deleteItem", &[("dynamodb:DeleteItem", On::Named(TABLE))], &[]),
    row("dynamodb", "getItem", &[("dynamodb:GetItem", On::Named(TABLE))], &[]),
    row("dynamodb", "putItem", &[("dynamodb:PutItem", On::Named(TABLE))], &[]),
    row("dynamodb", "updateItem", &[("dynamodb:UpdateItem", On::Named(TABLE))], &[]),
    row("ecs", "runTask",
        &[("ecs:RunTask", On::Named("arn:aws:ecs:::task-definition/{TaskDefinition}")), PASS],
        &[("ecs:StopTask", On::All), ("ecs:DescribeTasks", On::All),
          ("", On::Rule("ECSTask"))]),
    // What is done inside a cluster is its own role-based access control's.
    row("eks", "call", &[], &[]),
    row("eks", "runJob", &[], &[]),
    row("eks", "createCluster", &[("eks:CreateCluster", On::All), PASS],
        &[("eks:DescribeCluster", On::Named(EKS_CLUSTER)),
          ("eks:DeleteCluster", On::Named(EKS_CLUSTER))]),
    row("eks", "createFargateProfile",
        &[("eks:CreateFargateProfile", On::Named(EKS_IN_CLUSTER)), PASS],
        &[("eks:DescribeFargateProfile", On::All), ("eks:DeleteFargateProfile", On::All)]),
    row("eks", "createNodegroup", &[("eks:CreateNodegroup", On::Named(EKS_IN_CLUSTER)), PASS],
        &[("eks:DescribeNodegroup", On::All), ("eks:DeleteNodegroup", On::All)]),
    row("eks", "deleteCluster", &[("eks:DeleteCluster", On::Named(EKS_CLUSTER))],
        &[("eks:DescribeCluster", On::Named(EKS_CLUSTER))]),
    row("eks", "deleteFargateProfile", &[("eks:DeleteFargateProfile", On::All)],
        &[("eks:DescribeFargateProfile", On::All)]),
    row("eks", "deleteNodegroup", &[("eks:DeleteNodegroup", On::All)],
        &[("eks:DescribeNodegroup", On::All)]),
    row("elasticmapreduce", "addStep",
        &[("elasticmapreduce:AddJobFlowSteps", On::Named(CLUSTER))],
        &[("elasticmapreduce:DescribeStep", On::Named(CLUSTER)),
          ("elasticmapreduce:CancelSteps", On::Named(CLUSTER)),
          ("", On::Rule("EMRAddJobFlowSteps"))]),
    row("elasticmapreduce", "cancelStep",
        &[("elasticmapreduce:CancelSteps", On::Named(CLUSTER))], &[]),
    row("elasticmapreduce", "createCluster", &[("elasticmapreduce:RunJobFlow", On::All), PASS],
        &[("elasticmapreduce:DescribeCluster", On::All),
          ("elasticmapreduce:TerminateJobFlows", On::All),
          ("", On::Rule("EMRRunJobFlow"))]),
    row("elasticmapreduce", "modifyInstanceFleetByName",
        &[("elasticmapreduce:ModifyInstanceFleet", On::Named(CLUSTER)),
          ("elasticmapreduce:ListInstanceFleets", On::Named(CLUSTER))], &[]),
    row("elasticmapreduce", "modifyInstanceGroupByName",
        &[("elasticmapreduce:ModifyInstanceGroups", On::Named(CLUSTER)),
          ("elasticmapreduce:ListInstanceGroups", On::Named(CLUSTER))], &[]),
    row("elasticmapreduce", "setClusterTerminationProtection",
        &[("elasticmapreduce:SetTerminationProtection", On::Named(CLUSTER))], &[]),
    row("elasticmapreduce", "terminateCluster",
        &[("elasticmapreduce:TerminateJobFlows", On::Named(CLUSTER))],
        &[("elasticmapreduce:DescribeCluster", On::Named(CLUSTER)),
          ("", On::Rule("EMRTerminateJobFlows"))]),
    row("events", "putEvents", &[("events:PutEvents", On::Buses)], &[]),
    row("glue", "startJobRun", &[("glue:StartJobRun", On::Named(GLUE_JOB))],
        &[("glue:GetJobRun", On::Named(GLUE_JOB)), ("glue:GetJobRuns", On::Named(GLUE_JOB)),
          ("glue:BatchStopJobRun", On::Named(GLUE_JOB))]),
    row("mediaconvert", "createJob",
        &[("mediaconvert:CreateJob", On::All), ("iam:PassRole", On::Arn(&["Role"]))],
        &[("mediaconvert:GetJob", On::All), ("mediaconvert:CancelJob", On::All)]),
    row("sagemaker", "createHyperParameterTuningJob",
        &[("sagemaker:CreateHyperParameterTuningJob", On::All),
          ("sagemaker:ListTags", On::All), ("sagemaker:AddTags", On::All), PASS],
        &[("sagemaker:DescribeHyperParameterTuningJob", On::All),
          ("sagemaker:StopHyperParameterTuningJob", On::All)]),
    row("sagemaker", "createLabelingJob",
        &[("sagemaker:CreateLabelingJob", On::All), ("sagemaker:AddTags", On::All),
          ("iam:PassRole", On::Arn(&["RoleArn"]))],
        &[("sagemaker:DescribeLabelingJob", On::All), ("sagemaker:StopLabelingJob", On::All)]),
    row("sagemaker", "createProcessingJob",
        &[("sagemaker:CreateProcessingJob", On::All), ("sagemaker:AddTags", On::All),
          ("iam:PassRole", On::Arn(&["RoleArn"]))],
        &[("sagemaker:DescribeProcessingJob", On::All),
          ("sagemaker:StopProcessingJob", On::All)]),
    row("sagemaker", "createTrainingJob",
        &[("sagemaker:CreateTrainingJob", On::All), ("sagemaker:AddTags", On::All),
          ("iam:PassRole", On::Arn(&["RoleArn"]))],
        &[("sagemaker:DescribeTrainingJob", On::All), ("sagemaker:StopTrainingJob", On::All),
          ("", TRAINING_RULE)]),
    row("sagemaker", "createTransformJob",
        &[("sagemaker:CreateTransformJob", On::All), ("sagemaker:AddTags", On::All)],
        &[("sagemaker:DescribeTransformJob", On::All), ("sagemaker:StopTransformJob", On::All),
          ("", On::Rule("SageMakerTransformJobs"))]),
    row("sagemaker", "createModel",
        &[("sagemaker:CreateModel", On::All), ("sagemaker:AddTags", On::All),
          ("iam:PassRole", On::Arn(&["ExecutionRoleArn"]))], &[]),
    row("sns", "publish", &[("sns:Publish", On::Arn(&["TopicArn", "TargetArn"]))], &[]),
    row("sqs", "sendMessage", &[("sqs:SendMessage", On::Queue)], &[]),
];

/// Rules whose name does not begin as the others'.
const SINGULAR: [&str; 5] = [
    "CodeBuildStartBuild",
    "CodeBuildStartBuildBatch",
    "EMRAddJobFlowSteps",
    "EMRRunJobFlow",
    "EMRTerminateJobFlows",
];

impl Place<'_> {
    /// What an optimised integration needs.
    pub(super) fn optimised(
        &self,
        service: &str,
        action: &str,
        pattern: Pattern,
        parameters: &Parameters<'_>,
    ) -> Vec<Privilege> {
        match (service, action) {
            ("http", "invoke") => return self.http_task(parameters),
            ("apigateway", "invoke") => return vec![self.api_gateway(parameters)],
            ("bedrock", "invokeModel") => return vec![self.model(parameters)],
            _ => {}
        }
        let mut rows = ROWS.iter();
        let row = rows.find(|row| (row.service, row.action) == (service, action));
        let Some(row) = row else {
            let action = format!("{service}:{}", capitalised(action));
            return vec![Privilege::new(action, "*")];
        };
        let is_job = matches!(pattern, Pattern::Sync | Pattern::Sync2);
        let job = row.job.iter().filter(|_| is_job);
        row.needs
            .iter()
            .chain(job)
            .flat_map(|(action, on)| self.on(action, *on, parameters))
            .collect()
    }

    /// What a call of an SDK integration needs, `operation` as the API names it.
    pub(super) fn sdk(
        &self,
        service: &SdkService,
        operation: &str,
        parameters: &Parameters<'_>,
    ) -> Vec<Privilege> {
        let prefix = match service.embedded {
            Some(known) => known.signing_name,
            None => prefix_of(service.id),
        };
        let action = format!("{prefix}:{}", capitalised(operation));
        match prefix {
            "s3" => self.s3(operation, parameters),
            "dynamodb" => self.dynamodb(&action, parameters),
            "sqs" if parameters.text("QueueUrl").is_some() => {
                self.on(&action, On::Queue, parameters)
            }
            "sns" => self.on(&action, On::Arn(&["TopicArn", "TargetArn"]), parameters),
            "events" if operation == "PutEvents" => self.on(&action, On::Buses, parameters),
            _ => vec![Privilege::new(action, "*")],
        }
    }

    fn on(&self, action: &str, on: On, parameters: &Parameters<'_>) -> Vec<Privilege> {
        match on {
            On::All => vec![Privilege::new(action, "*")],
            On::Named(pattern) => vec![Privilege::new(action, &self.named(pattern, parameters))],
            On::Arn(members) => {
                let mut members = members.iter();
                let arn = members.find_map(|member| parameters.text(member));
                vec![Privilege::new(action, arn.unwrap_or("*"))]
            }
            On::Queue => vec![Privilege::new(action, &self.queue(parameters))],
            On::Buses => self.buses(action, parameters),
            On::Rule(name) => self.rule(name),
        }
    }

    /// The rights on the rule that brings the ends of jobs.
    pub(super) fn rule(&self, name: &str) -> Vec<Privilege> {
        let verb = match SINGULAR.contains(&name) {
            true => "Event",
            false => "Events",
        };
        let Place {
            region, account, ..
        } = self;
        let rule =
            format!("arn:aws:events:{region}:{account}:rule/StepFunctionsGet{verb}For{name}Rule");
        ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
            .map(|action| Privilege::new(action, &rule))
            .into()
    }

    /// The child workflow executions of a distributed Map, which run as the state machine itself.
    pub(super) fn children(&self, label: Option<&str>) -> Vec<Privilege> {
        let machine = self.machine_arn;
        let executions = machine.replacen(":stateMachine:", ":execution:", 1);
        let label = label.unwrap_or("*");
        let of_map = format!("{executions}/{label}:*");
        vec![
            Privilege::new("states:StartExecution", machine),
            Privilege::new("states:DescribeExecution", &of_map),
            Privilege::new("states:StopExecution", &of_map),
            Privilege::new("states:RedriveExecution", &of_map),
        ]
    }

    /// The ItemReader of a distributed Map.
    pub(super) fn reader(&self, action: &str, parameters: &Parameters<'_>) -> Vec<Privilege> {
        self.s3(&capitalised(action), parameters)
    }

    /// The ResultWriter of a distributed Map.
    pub(super) fn writer(&self, parameters: &Parameters<'_>) -> Vec<Privilege> {
        let bucket = parameters.text("Bucket").unwrap_or(UNKNOWN);
        let objects = match parameters.text("Prefix") {
            Some(prefix) => format!("arn:aws:s3:::{bucket}/{}/*", prefix.trim_end_matches('/')),
            None => format!("arn:aws:s3:::{bucket}/*"),
        };
        let actions = [
            "AbortMultipartUpload",
            "GetObject",
            "ListMultipartUploadParts",
            "PutObject",
        ];
        let needed = actions.map(|action| Privilege::new(format!("s3:{action}"), &objects));
        needed.into()
    }

    /// An ARN with its parameters, Region and account filled in.
    fn named(&self, pattern: &str, parameters: &Parameters<'_>) -> String {
        let (before, member) = pattern.split_once('{').unwrap_or((pattern, ""));
        let member = member.trim_end_matches('}');
        let value = parameters.text(member).unwrap_or(UNKNOWN);
        if value.starts_with("arn:") {
            return value.to_owned();
        }
        let (service, resource) = before.split_once(":::").unwrap_or((before, ""));
        let region = match service {
            "arn:aws:iam" => "",
            _ => self.region,
        };
        format!("{service}:{region}:{}:{resource}{value}", self.account)
    }

    /// `https://sqs.us-east-1.amazonaws.com/123456789012/name`, or the same at another host.
    fn queue(&self, parameters: &Parameters<'_>) -> String {
        let url = parameters.text("QueueUrl").unwrap_or(UNKNOWN);
        let mut path = url.rsplit('/');
        let name = path.next().unwrap_or(UNKNOWN);
        let is_account = |part: &&str| part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit());
        let account = path.next().filter(is_account).unwrap_or(self.account);
        let mut labels = url
            .split_once("://")
            .map_or("", |(_, rest)| rest)
            .split('.');
        let region = match (labels.next(), labels.next()) {
            (Some("sqs"), Some(region)) => region,
            _ => self.region,
        };
        format!("arn:aws:sqs:{region}:{account}:{name}")
    }

    fn buses(&self, action: &str, parameters: &Parameters<'_>) -> Vec<Privilege> {
        let entries = parameters.member("Entries").and_then(Value::as_array);
        let Some(entries) = entries else {
            return vec![Privilege::new(action, &self.bus(UNKNOWN))];
        };
        let named = entries.iter().map(|entry| {
            let bus = entry.get("EventBusName").and_then(Value::as_str);
            Privilege::new(action, &self.bus(bus.unwrap_or("default")))
        });
        named.collect()
    }

    fn bus(&self, name: &str) -> String {
        match name.starts_with("arn:") {
            true => name.to_owned(),
            false => {
                let Place {
                    region, account, ..
                } = self;
                format!("arn:aws:events:{region}:{account}:event-bus/{name}")
            }
        }
    }

    /// `arn:aws:execute-api:R:A:<api>/<stage>/<method>/<path>`.
    fn api_gateway(&self, parameters: &Parameters<'_>) -> Privilege {
        let text = |member| parameters.text(member);
        let api = text("ApiEndpoint").unwrap_or(UNKNOWN);
        let api = api.split('.').next().unwrap_or(api);
        let (stage, method) = (text("Stage").unwrap_or("*"), text("Method").unwrap_or("*"));
        let path = text("Path").unwrap_or("*").trim_start_matches('/');
        let (region, account) = (self.region, self.account);
        let arn = format!("arn:aws:execute-api:{region}:{account}:{api}/{stage}/{method}/{path}");
        Privilege::new("execute-api:Invoke", &arn)
    }

    /// A foundation model belongs to nobody's account.
    fn model(&self, parameters: &Parameters<'_>) -> Privilege {
        let model = parameters.text("ModelId").unwrap_or(UNKNOWN);
        let arn = match model.starts_with("arn:") {
            true => model.to_owned(),
            false => format!("arn:aws:bedrock:{}::foundation-model/{model}", self.region),
        };
        Privilege::new("bedrock:InvokeModel", &arn)
    }

    fn http_task(&self, parameters: &Parameters<'_>) -> Vec<Privilege> {
        let Place {
            region, account, ..
        } = self;
        let authentication = parameters.member("Authentication");
        let authentication = authentication.or_else(|| parameters.member("InvocationConfig"));
        let connection = authentication.and_then(|known| known.get("ConnectionArn")?.as_str());
        let secret =
            format!("arn:aws:secretsmanager:{region}:{account}:secret:events!connection/*");
        vec![
            Privilege::new("states:InvokeHTTPEndpoint", self.machine_arn),
            Privilege::new(
                "events:RetrieveConnectionCredentials",
                connection.unwrap_or(UNKNOWN),
            ),
            Privilege::new("secretsmanager:DescribeSecret", &secret),
            Privilege::new("secretsmanager:GetSecretValue", &secret),
        ]
    }

    /// Permissions of S3 have names of their own, and are on buckets or on objects.
    fn s3(&self, operation: &str, parameters: &Parameters<'_>) -> Vec<Privilege> {
        let bucket = parameters.text("Bucket");
        let on_bucket = format!("arn:aws:s3:::{}", bucket.unwrap_or(UNKNOWN));
        let key = parameters.text("Key");
        let on_object = |key: Option<&str>| format!("{on_bucket}/{}", key.unwrap_or("*"));
        let one =
            |action: &str, resource: &str| vec![Privilege::new(format!("s3:{action}"), resource)];
        match operation {
            "ListBuckets" => one("ListAllMyBuckets", "*"),
            "HeadBucket" | "ListObjects" | "ListObjectsV2" => one("ListBucket", &on_bucket),
            "ListObjectVersions" => one("ListBucketVersions", &on_bucket),
            "ListMultipartUploads" => one("ListBucketMultipartUploads", &on_bucket),
            "HeadObject" | "SelectObjectContent" => one("GetObject", &on_object(key)),
            "DeleteObjects" => one("DeleteObject", &on_object(None)),
            "ListParts" => one("ListMultipartUploadParts", &on_object(key)),
            "CompleteMultipartUpload" | "CreateMultipartUpload" | "UploadPart" => {
                one("PutObject", &on_object(key))
            }
            "CopyObject" | "UploadPartCopy" => {
                let source = parameters.text("CopySource").unwrap_or(UNKNOWN);
                let source = format!("arn:aws:s3:::{}", source.trim_start_matches('/'));
                let mut needed = one("PutObject", &on_object(key));
                needed.extend(one("GetObject", &source));
                needed
            }
            _ => match (bucket, key) {
                (_, Some(key)) => one(operation, &on_object(Some(key))),
                (Some(_), None) => one(operation, &on_bucket),
                (None, None) => one(operation, "*"),
            },
        }
    }

    /// Tables and their indexes; a transaction needs what each of its parts needs.
    fn dynamodb(&self, action: &str, parameters: &Parameters<'_>) -> Vec<Privilege> {
        let table = |name: &str| {
            let named =
                Parameters::Known(Value::from(Object::new().with("TableName", name.into())));
            self.named(TABLE, &named)
        };
        if let Some(requests) = parameters.member("RequestItems").and_then(Value::as_object) {
            let tables = requests
                .keys()
                .map(|name| Privilege::new(action, &table(name)));
            return tables.collect();
        }
        if let Some(items) = parameters.member("TransactItems").and_then(Value::as_array) {
            let parts = items
                .iter()
                .filter_map(Value::as_object)
                .flat_map(Object::iter);
            let needed = parts.filter_map(|(part, request)| {
                let name = request.get("TableName")?.as_str()?;
                let action = match part {
                    "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
                    other => format!("dynamodb:{other}Item"),
                };
                Some(Privilege::new(action, &table(name)))
            });
            return needed.collect();
        }
        let Some(name) = parameters.text("TableName") else {
            return vec![Privilege::new(action, "*")];
        };
        let table = table(name);
        match (parameters, parameters.text("IndexName")) {
            (Parameters::Known(_), Some(index)) => {
                vec![Privilege::new(action, &format!("{table}/index/{index}"))]
            }
            _ => vec![Privilege::new(action, &table)],
        }
    }
}

/// Services of SDK integrations whose actions have another prefix than their name there, and no
/// model in this build.
const PREFIXES: &[(&str, &str)] = &[
    ("applicationautoscaling", "application-autoscaling"),
    ("cloudwatchevents", "events"),
    ("cognitoidentity", "cognito-identity"),
    ("cognitoidentityprovider", "cognito-idp"),
    ("configservice", "config"),
    ("databasemigration", "dms"),
    ("efs", "elasticfilesystem"),
    ("elasticloadbalancingv2", "elasticloadbalancing"),
    ("emr", "elasticmapreduce"),
    ("emrcontainers", "emr-containers"),
    ("emrserverless", "emr-serverless"),
    ("eventbridge", "events"),
    ("iotdataplane", "iotdata"),
    ("kinesisanalyticsv2", "kinesisanalytics"),
    ("rdsdata", "rds-data"),
    ("redshiftdata", "redshift-data"),
    ("resourcegroups", "resource-groups"),
    ("resourcegroupstaggingapi", "tag"),
    ("sesv2", "ses"),
    ("ssoadmin", "sso"),
];

fn prefix_of(id: &'static str) -> &'static str {
    let found = PREFIXES.iter().find(|(name, _)| *name == id);
    found.map_or(id, |(_, prefix)| prefix)
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
