/**
 * What is used of `@aws-sdk/client-s3`. Its own types would make it a package that every build needs.
 * https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/client/s3/
 */

/** What answers say, as far as anything is asked of them. */
export interface S3Answer {
  readonly UploadId?: string;
  readonly ETag?: string;
  readonly ContentLength?: number;
  readonly Body?: AsyncIterable<Uint8Array>;
  readonly Errors?: readonly { readonly Key?: string }[];
  readonly Contents?: readonly { readonly Key?: string }[];
  readonly NextContinuationToken?: string;
  readonly ObjectLockConfiguration?: {
    readonly ObjectLockEnabled?: string;
    readonly Rule?: { readonly DefaultRetention?: { readonly Mode?: string } };
  };
}

export interface S3Client {
  send(command: object, options: { readonly abortSignal: AbortSignal }): Promise<S3Answer>;
  destroy(): void;
}

type S3Command = new (input: object) => object;

export interface S3Module {
  readonly S3Client: new (settings: object) => S3Client;
  readonly PutObjectCommand: S3Command;
  readonly GetObjectCommand: S3Command;
  readonly HeadObjectCommand: S3Command;
  readonly DeleteObjectsCommand: S3Command;
  readonly ListObjectsV2Command: S3Command;
  readonly CreateMultipartUploadCommand: S3Command;
  readonly UploadPartCommand: S3Command;
  readonly CompleteMultipartUploadCommand: S3Command;
  readonly AbortMultipartUploadCommand: S3Command;
  readonly GetObjectLockConfigurationCommand: S3Command;
}
