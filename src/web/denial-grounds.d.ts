/** The grounds by which a request for records may be denied, as the server knows them. Made by build/web.ts. */
declare module 'rules:denial-grounds' {
  const grounds: readonly { readonly code: string; readonly display: string }[];
  export default grounds;
}
