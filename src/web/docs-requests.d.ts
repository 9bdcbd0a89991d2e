/** Files of docs/requests, as build/web.ts puts them in. */
declare module 'docs:requests' {
  const files: readonly { readonly name: string; readonly text: string }[];
  export default files;
}
