/** What answers as AWS does, for tests: moto's server on a free port of this machine, which ends with the process. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { pythonProgram } from "./engines.ts";
import { eventually } from "./eventually.ts";
import { freePorts } from "./ports.ts";

/** What an AWS SDK finds its way and its credentials by. */
export type AwsEnvironment = Readonly<Record<string, string>>;

export interface TestMoto extends AsyncDisposable {
  readonly environment: AwsEnvironment;
  /** Credentials of a new user who may do these actions, such as `kms:Decrypt`. Nothing is checked before `checkUsers`. */
  readonly newUser: (actions: readonly string[]) => Promise<AwsEnvironment>;
  /** From now on, or no longer, everybody must be a user and may do only what is theirs. */
  readonly checkUsers: (isOn: boolean) => Promise<void>;
  /** Stops it from answering, without a word to its clients, until it is told to go on. */
  readonly freeze: (isFrozen: boolean) => void;
  readonly kill: () => Promise<void>;
}

/** Needs what `scripts/setup.sh test` installs. */
export async function startMoto(): Promise<TestMoto> {
  const [port = 0] = await freePorts(1);
  const server = [pythonProgram("moto_server"), "--host", "127.0.0.1", "--port", String(port)];
  // The kernel ends it with this process, also where that is killed and can end nothing itself.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...server], { cwd: tmpdir(), stdio: "ignore" });
  const killAtExit = () => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const url = `http://127.0.0.1:${port}`;
  await eventually("moto answers", async () => {
    if (child.exitCode !== null) throw new Error(`moto_server ended with ${child.exitCode}`);
    return (await fetch(`${url}/moto-api/data.json`)).ok;
  });

  async function iam(parameters: Readonly<Record<string, string>>): Promise<string> {
    const response = await fetch(url, {
      method: "POST",
      // It goes by the service that a signature names, and reads no more of it.
      headers: { authorization: "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request" },
      body: new URLSearchParams({ Version: "2010-05-08", ...parameters }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`moto answered ${response.status}: ${text}`);
    return text;
  }

  let users = 0;
  const environment = {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    // What a developer has at home is not to be found by chance.
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  return {
    environment,

    async newUser(actions) {
      const UserName = `user-${++users}`;
      const statement = { Effect: "Allow", Action: actions, Resource: "*" };
      await iam({ Action: "CreateUser", UserName });
      await iam({
        ...{ Action: "PutUserPolicy", UserName, PolicyName: "own" },
        PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
      });
      const answer = await iam({ Action: "CreateAccessKey", UserName });
      const field = (name: string) => new RegExp(`<${name}>(.+?)</${name}>`).exec(answer)?.[1] ?? "";
      return {
        ...environment,
        AWS_ACCESS_KEY_ID: field("AccessKeyId"),
        AWS_SECRET_ACCESS_KEY: field("SecretAccessKey"),
      };
    },

    async checkUsers(isOn) {
      const response = await fetch(`${url}/moto-api/reset-auth`, { method: "POST", body: isOn ? "0" : "inf" });
      if (!response.ok) throw new Error(`moto answered ${response.status}`);
    },

    freeze: (isFrozen) => void child.kill(isFrozen ? "SIGSTOP" : "SIGCONT"),
    kill: () => stop(child),
    async [Symbol.asyncDispose]() {
      await stop(child);
      process.off("exit", killAtExit);
    },
  };
}

/** Makes this process, as far as AWS SDKs look at it, one that was started in this environment, until disposal. */
export function useEnvironment(environment: AwsEnvironment): Disposable {
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, environment);
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
